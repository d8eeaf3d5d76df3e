import type { Command } from "commander";
import type { CliCommand } from "./command.ts";
import { addPlanOptions, commandNames, type PlanOptions, preparePlan } from "./input/plan-options.ts";
import { planText } from "./output/plan-text.ts";

const plan: CliCommand = {
  summary: "show what a run would do, and start nothing",
  examples: [
    ["plan node-kill", "the timeline, with every draw made"],
    ["plan node-kill --seed 8 --json", "the same as data: the plan.json of a run"],
  ],
  configure(command, finish) {
    addPlanOptions(command.argument("<scenario>", "a scenario's name, or the path of its file"))
      .option("--json", "print plan.json")
      .action(async (scenario: string, options: PlanOptions & { readonly json?: true }, self: Command) => {
        const { plan, offer } = await preparePlan(scenario, options, commandNames(self), process.cwd());
        console.log(options.json ? JSON.stringify(plan, undefined, 2) : planText(plan, offer));
        finish("PASS");
      });
  },
};
export default plan;
