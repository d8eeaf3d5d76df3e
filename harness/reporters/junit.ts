import type { JudgedSlo, Verdict } from "../verdict/verdict.ts";
import type { Reporter } from "./reporter.ts";

interface TestCase {
  readonly name: string;
  /** What the format calls it; it has no word for inconclusive, and `skipped` would look green. */
  readonly problem?: {
    readonly element: "failure" | "error";
    readonly type: string;
    readonly message: string;
  };
  readonly properties: Readonly<Record<string, string>>;
}

/** JUnit XML, for CI systems: a case for the run itself and one for each SLO. */
const junit: Reporter = {
  file: "junit.xml",
  render(verdict, plan) {
    const cases = [runCase(verdict), ...verdict.slos.map(sloCase)];
    const count = (element: string) => cases.filter(({ problem }) => problem?.element === element).length;
    const seconds = plan.load.durationMs / 1000;
    return [
      '<?xml version="1.0" encoding="UTF-8"?>',
      "<testsuites>",
      `  <testsuite${attributes({ name: verdict.scenario, tests: cases.length, failures: count("failure"), errors: count("error"), skipped: 0, time: seconds })}>`,
      ...properties({ run: verdict.runId, outcome: verdict.outcome, seed: String(plan.seed) }, "    "),
      ...cases.flatMap((testCase) => caseLines(testCase, verdict.scenario)),
      "  </testsuite>",
      "</testsuites>",
      "",
    ].join("\n");
  },
};
export default junit;

/** Whether the run can be judged at all; what speaks against single SLOs stands with them. */
function runCase({ reasons, load }: Verdict): TestCase {
  const reason = reasons.find((candidate) => candidate.of !== "slo");
  return {
    name: "the run is valid",
    properties: { sampled: String(load.sampled), dropped: String(load.dropped), lost: String(load.lost) },
    ...(reason === undefined
      ? {}
      : {
          problem: { element: "error", type: reason.outcome, message: `${reason.code}: ${reason.message}` },
        }),
  };
}

function sloCase({ slo, asked, during, outcome, code, because, value, n }: JudgedSlo): TestCase {
  const when = during.length === 0 ? "" : ` during ${during.join(" and ")}`;
  const element = outcome === "fail" ? "failure" : "error";
  const type = outcome === "fail" ? (code ?? "LIMIT_MISSED") : "INCONCLUSIVE";
  const message = outcome === "fail" ? because : `INCONCLUSIVE ${code ?? ""}: ${because}`;
  return {
    name: `${slo}${when}: ${asked}`,
    properties: { value, n: String(n) },
    ...(outcome === "pass" ? {} : { problem: { element, type, message } }),
  };
}

function caseLines({ name, problem, properties: own }: TestCase, classname: string): string[] {
  return [
    `    <testcase${attributes({ name, classname })}>`,
    ...properties(own, "      "),
    ...(problem === undefined
      ? []
      : [`      <${problem.element}${attributes({ type: problem.type, message: problem.message })}/>`]),
    "    </testcase>",
  ];
}

function properties(values: Readonly<Record<string, string>>, indent: string): string[] {
  const lines = Object.entries(values).map(
    ([name, value]) => `${indent}  <property${attributes({ name, value })}/>`,
  );
  return [`${indent}<properties>`, ...lines, `${indent}</properties>`];
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join("");
}

/** An attribute's text; characters that XML 1.0 cannot carry are replaced. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\n", "&#10;")
    .replaceAll("\r", "&#13;")
    .replaceAll("\t", "&#9;");
}
