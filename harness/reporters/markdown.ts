import type { Outcome } from "../exit-codes.ts";
import type { JudgedSlo } from "../verdict/verdict.ts";
import type { Reporter } from "./reporter.ts";
import {
  extraLoadSentence,
  failuresSentence,
  faultSentence,
  loadSentence,
  outageSentence,
} from "./wording/sentences.ts";
import { mustFailText, settingsOf } from "./wording/settings.ts";

const outcomeMarks = {
  PASS: "✅",
  FAIL: "❌",
  INCONCLUSIVE: "❔",
  HARNESS_ERROR: "🛠️",
  BAD_INPUT: "🛠️",
  INTERRUPTED: "✋",
} as const satisfies Record<Outcome, string>;
const sloMarks = { pass: "✅", fail: "❌", inconclusive: "❔" } as const satisfies Record<
  JudgedSlo["outcome"],
  string
>;

/** For people who read a pull request: fits a GitHub step summary. */
const markdown: Reporter = {
  file: "report.md",
  render(verdict, plan, _colour, busy) {
    const { outcome, exitCode, slos, faults, outage, load, failures, extraLoad, reasons } = verdict;
    const facts = [
      ...(busy === undefined ? [] : [`Note: ${busy}.`]),
      ...(outage === undefined ? [] : [`Failures: ${outageSentence(outage)}.`]),
      `Load: ${loadSentence(load)}.`,
      ...failures.map((of) => `Failed ${failuresSentence(of)}.`),
      ...(extraLoad === undefined ? [] : [`Extra load: ${extraLoadSentence(extraLoad)}.`]),
      ...(plan.without.length === 0 ? [] : [`Without: ${plan.without.join(", ")}.`]),
      ...settingsOf(plan).map(([whose, settings]) => `Settings of ${whose}: ${settings}.`),
      ...(plan.mustFail === undefined ? [] : [`Must fail ${mustFailText(plan.mustFail)}.`]),
      `Seed ${plan.seed}, system ${plan.system}, substrate ${plan.substrate}, run ${verdict.runId}.`,
    ];
    return [
      `## ${outcomeMarks[outcome]} ${outcome.replace("_", " ")}: ${escaped(plan.title)}`,
      `**${escaped(verdict.because)}** (\`${verdict.scenario}\`, exit code ${exitCode})`,
      `> ${escaped(plan.hypothesis)}`,
      table(
        ["", "SLO", "during", "measured", "asked", "n"],
        slos.map((slo) => [
          sloMarks[slo.outcome],
          slo.slo,
          slo.during.length === 0 ? "whole run" : slo.during.join(", "),
          slo.value,
          slo.asked,
          String(slo.n),
        ]),
      ),
      table(
        ["fault", "targets", "evidence"],
        faults.map((fault) => [fault.id, fault.targets.join(", "), faultSentence(fault)]),
      ),
      reasons.map(({ code, message }) => `- \`${code}\` ${escaped(message)}`).join("\n"),
      facts.map((fact) => `- ${escaped(fact)}`).join("\n"),
    ]
      .filter((part) => part !== "")
      .join("\n\n")
      .concat("\n");
  },
};
export default markdown;

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map((row) => line(row.map(escaped)))].join(
    "\n",
  );
}

/** Text that means nothing to Markdown or HTML, on one line. */
function escaped(text: string): string {
  return text
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[\\`*_|[\]]/g, "\\$&");
}
