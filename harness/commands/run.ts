import { basename, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { Interrupted } from "../abort.ts";
import { createRunFolder, useRunFolder } from "../journal/run-folder.ts";
import { nearestWord } from "../nearest-word.ts";
import { createLiveDisplay, isRewritable } from "../reporters/live/display.ts";
import { run as runPlan } from "../run/run.ts";
import type { Deployment } from "../substrates/substrate.ts";
import { provideTools } from "../toolchain/tools.ts";
import type { Verdict } from "../verdict/verdict.ts";
import type { CliCommand } from "./command.ts";
import { packageVersion } from "./input/package-files.ts";
import { addPlanOptions, commandNames, type PlanOptions, preparePlan } from "./input/plan-options.ts";
import { listenForStop } from "./input/stop-signals.ts";
import { judgeRun } from "./output/judge-run.ts";
import { showUntilStopped } from "./output/show-system.ts";

interface RunCommandOptions extends PlanOptions {
  readonly runDir?: string;
  readonly keepOnFail?: true;
  readonly inconclusive: "fail" | "pass";
}

const run: CliCommand = {
  summary: "storm a system as a scenario says, and judge it (the default command)",
  examples: [
    ["node-kill", "a scenario that comes with Breakwater, on its reference service"],
    ["run ./scenarios/ours.yaml --system ./system.yaml", "a scenario and a system of your own"],
    ["node-kill --without fallback", "is it the fallback that saves us? exits 1"],
    ["node-kill --keep-on-fail", "leaves a system that failed up, to look at"],
  ],
  configure(command, finish) {
    addPlanOptions(command.argument("<scenario>", "a scenario's name, or the path of its file"))
      .option("--run-dir <folder>", "where the run is recorded (default: a new folder in ./runs)")
      .option("--keep-on-fail", "unless it passes, leave the system up until Ctrl-C")
      .addOption(
        new Option("--inconclusive <as>", "what an INCONCLUSIVE run exits with: 2 or 0")
          .choices(["fail", "pass"])
          .default("fail"),
      )
      // A word that is no command is a scenario's name here: a mistyped command is told below.
      .allowExcessArguments()
      .action(async (scenario: string, options: RunCommandOptions, self: Command) => {
        if (self.args.length > 1) self.error(tooMany(self.args, commandNames(self)));
        const { outcome } = await storm(scenario, options, commandNames(self));
        finish(outcome === "INCONCLUSIVE" && options.inconclusive === "pass" ? "PASS" : outcome);
      });
  },
};
export default run;

function tooMany([first = "", ...others]: readonly string[], commands: readonly string[]): string {
  const near = nearestWord(first, commands);
  const instead = near === undefined ? "" : `; did you mean "${near}"?`;
  return `error: too many arguments for 'run': one scenario, and not ${others.join(" ")}${instead}`;
}

async function storm(
  scenario: string,
  options: RunCommandOptions,
  commands: readonly string[],
): Promise<Verdict> {
  using signals = listenForStop();
  const cwd = process.cwd();
  const { plan, system, substrate } = await preparePlan(scenario, options, commands, cwd);
  using display = createLiveDisplay(plan, process.stderr, isRewritable(process.stderr, process.env));
  display.line(`storming ${system.name} (${system.folder}) with ${plan.scenario}`);
  const { tools, versions } = await provideTools(display.line, signals.stop);
  const folder =
    options.runDir === undefined
      ? await createRunFolder(join(cwd, "runs"), plan.scenario, new Date())
      : await useRunFolder(resolve(cwd, options.runDir));

  const keepUp = async (deployment: Deployment) => {
    const judged = await judgeRun(folder, process.stdout);
    if (judged.outcome !== "PASS") await showUntilStopped(deployment, signals.stop, display.line);
  };
  await runPlan({
    plan,
    runId: basename(folder.path),
    system,
    substrate,
    tools,
    versions: { breakwater: await packageVersion(), node: process.versions.node, ...versions },
    folder,
    stop: signals.stop,
    hurry: signals.hurry,
    onEvent: display.event,
    onSample: display.sample,
    ...(options.keepOnFail ? { beforeStop: keepUp } : {}),
  });
  display[Symbol.dispose]();
  // An uncaught exception has stopped the run: that is what has to be told.
  const reason: unknown = signals.stop.reason;
  if (signals.stop.aborted && !(reason instanceof Interrupted)) throw reason;
  // Judged again also after a look at a failed system: that it could not be stopped counts too.
  return await judgeRun(folder, process.stdout);
}
