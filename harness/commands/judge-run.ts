import type { RunFolder } from "../journal/run-folder.ts";
import { judge } from "../verdict/judge.ts";
import { readRun } from "../verdict/read-run.ts";
import type { Verdict } from "../verdict/verdict.ts";

/** TEMPORARY */
export async function judgeRun(folder: RunFolder, output: NodeJS.WriteStream): Promise<Verdict> {
  const run = await readRun(folder);
  const verdict = await judge(run.plan, run);
  output.write(`${verdict.outcome} ${verdict.because}\n`);
  return verdict;
}
