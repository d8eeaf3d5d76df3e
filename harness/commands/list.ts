import { reasonOf } from "../errors.ts";
import { faults } from "../faults/catalog.ts";
import { readScenario } from "../scenario/read.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { slos } from "../slos/catalog.ts";
import type { CliCommand } from "./command.ts";
import { scenarioFiles } from "./input/scenario-files.ts";

const list: CliCommand = {
  summary: "show the scenarios: what each does, and what it is believed to show",
  examples: [["list", "those in ./scenarios and those that come with Breakwater"]],
  configure(command, finish) {
    command.action(async () => {
      const files = await scenarioFiles(process.cwd());
      const entries = await Promise.all(
        files.map(async ({ name, file }) => {
          // One that cannot be read must not hide the others.
          const scenario = await readScenario(file).catch(reasonOf);
          return `${name}\n${typeof scenario === "string" ? `  cannot be read: ${scenario}` : entry(scenario)}`;
        }),
      );
      console.log(entries.join("\n\n"));
      console.log(`\nfaults: ${Object.keys(faults).join(", ")}\nSLOs:   ${Object.keys(slos).join(", ")}`);
      finish("PASS");
    });
  },
};
export default list;

function entry({ title, hypothesis, faults, phases, mustFail }: Scenario): string {
  const lengthMs = Object.values(phases).reduce((sum, ms) => sum + ms, 0);
  const kinds = faults.length === 0 ? "no fault" : faults.map(({ kind }) => kind).join(", ");
  const change =
    mustFail === undefined
      ? ""
      : `; must fail ${"without" in mustFail ? `--without ${mustFail.without}` : "with --must-fail"}`;
  return [
    `  ${title} (${kinds}; ${lengthMs / 1000} s${change})`,
    `  ${hypothesis.replaceAll(/\s+/g, " ").trim()}`,
  ].join("\n");
}
