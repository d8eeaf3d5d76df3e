import { styleText } from "node:util";
import type { Outcome } from "../exit-codes.ts";
import type { JudgedSlo, Verdict } from "../verdict/verdict.ts";
import type { Reporter } from "./reporter.ts";
import {
  extraLoadSentence,
  failuresSentence,
  faultSentence,
  loadSentence,
  outageSentence,
} from "./wording/sentences.ts";
import { settingsOf } from "./wording/settings.ts";

type Style = Parameters<typeof styleText>[0];

const outcomeStyles = {
  PASS: ["bold", "green"],
  FAIL: ["bold", "red"],
  INCONCLUSIVE: ["bold", "yellow"],
  HARNESS_ERROR: ["bold", "magenta"],
  BAD_INPUT: ["bold", "magenta"],
  INTERRUPTED: ["bold", "yellow"],
} as const satisfies Record<Outcome, Style>;

const sloMarks = {
  pass: { mark: "✓", style: "green" },
  fail: { mark: "✗", style: "red" },
  inconclusive: { mark: "?", style: "yellow" },
} as const satisfies Record<JudgedSlo["outcome"], { mark: string; style: Style }>;

/** The summary at the end of a run; its last line is the verdict, so that it is what stays in view. */
const terminal: Reporter = {
  render(verdict, plan, colour, busy) {
    const paint = (style: Style, text: string) =>
      colour ? styleText(style, text, { validateStream: false }) : text;
    const title = (text: string) => paint("bold", text);
    return [
      title(plan.title),
      ...(plan.without.length === 0 ? [] : [`without ${plan.without.join(", ")}`]),
      ...settingsOf(plan).map(([whose, settings]) => `settings of ${whose}: ${settings}`),
      "",
      ...sloRows(verdict.slos, paint),
      ...verdict.faults.map(
        (fault) => `${title("fault")} ${fault.kind}${on(fault.targets)}: ${faultSentence(fault)}`,
      ),
      ...(verdict.outage === undefined ? [] : [`${title("failures")} ${outageSentence(verdict.outage)}`]),
      `${title("load")} ${loadSentence(verdict.load)}`,
      ...verdict.failures.map((of) => `${title("failed")} ${failuresSentence(of)}`),
      ...(verdict.extraLoad === undefined
        ? []
        : [`${title("extra load")} ${extraLoadSentence(verdict.extraLoad)}`]),
      ...verdict.reasons.map(
        ({ outcome, code, message }) => `${paint(outcomeStyles[outcome], code)} ${message}`,
      ),
      ...(busy === undefined ? [] : [`${title("note")} ${busy}`]),
      "",
      verdictLine(verdict, plan.system, paint),
      "",
    ].join("\n");
  },
};
export default terminal;

function verdictLine(
  { outcome, exitCode, scenario, because }: Verdict,
  system: string,
  paint: (style: Style, text: string) => string,
): string {
  return `${paint(outcomeStyles[outcome], outcome.replace("_", " "))} ${scenario} on ${system} (exit code ${exitCode}): ${because}`;
}

function sloRows(slos: readonly JudgedSlo[], paint: (style: Style, text: string) => string): string[] {
  const rows = slos.map(({ slo, during, value, asked, n }) => [
    slo,
    during.length === 0 ? "whole run" : during.join("+"),
    value,
    asked,
    `n ${n}`,
  ]);
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, column) => Math.max(most[column] ?? 0, cell.length)),
    [],
  );
  return rows.map((row, index) => {
    const { mark, style } = sloMarks[slos[index]?.outcome ?? "inconclusive"];
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    return `${paint(style, mark)} ${cells.join("  ").trimEnd()}`;
  });
}

function on(targets: readonly string[]): string {
  const shown = targets.slice(0, 4).join(", ");
  if (targets.length === 0) return "";
  return targets.length > 4 ? ` on ${shown} and ${targets.length - 4} more` : ` on ${shown}`;
}
