import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { findRunFolder } from "../journal/run-folder.ts";
import type { CliCommand } from "./command.ts";
import { judgeRun } from "./output/judge-run.ts";

const judge: CliCommand = {
  summary: "judge a recorded run again, from its folder alone",
  examples: [
    ["judge latest", "the newest run in ./runs"],
    ["judge runs/2026-11-23T06-20-11Z-node-kill", "any run, also one of another machine"],
  ],
  configure(command, finish) {
    command.argument("<run>", "a run's folder, its name in ./runs, or latest").action(async (run: string) => {
      const folder = await findRunFolder(await pathOf(run, process.cwd()));
      const { outcome } = await judgeRun(folder, process.stdout);
      finish(outcome);
    });
  },
};
export default judge;

/** A folder where there is one of that name, else a run in `./runs`. */
async function pathOf(run: string, cwd: string): Promise<string> {
  const inRuns = join(cwd, "runs", run);
  if (/[/\\]/.test(run) || (await isFolder(resolve(cwd, run)))) return resolve(cwd, run);
  return inRuns;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
