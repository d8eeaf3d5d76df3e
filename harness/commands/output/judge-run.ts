import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BreakwaterError, reasonOf } from "../../errors.ts";
import type { RunFolder } from "../../journal/run-folder.ts";
import { reporters } from "../../reporters/catalog.ts";
import { busyMachine } from "../../reporters/wording/busy-machine.ts";
import { judge } from "../../verdict/judge.ts";
import { readRun } from "../../verdict/read-run.ts";
import type { Verdict } from "../../verdict/verdict.ts";

/** What is needed of standard output. */
export interface SummaryOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  hasColors?(): boolean;
}

/**
 * Judges what is recorded in a run's folder, writes every report into it, and prints the summary.
 * @throws BreakwaterError JOURNAL_DAMAGED, PLAN_UNREADABLE or REPORT_UNWRITABLE
 */
export async function judgeRun(folder: RunFolder, output: SummaryOutput): Promise<Verdict> {
  const { plan, cut, ...recorded } = await readRun(folder);
  const verdict = await judge(plan, recorded);
  const busy = busyMachine(recorded.events);
  const colour = output.isTTY === true && output.hasColors?.() === true;
  // The verdict is to be the last line, so that it is what stays in view.
  output.write(`run ${folder.path}\n`);
  for (const file of cut) output.write(`the last line of ${file} was cut off, and is left out\n`);
  for (const load of Object.values(reporters)) {
    const { default: reporter } = await load();
    if (reporter.file === undefined) output.write(reporter.render(verdict, plan, colour, busy));
    else await writeReport(join(folder.path, reporter.file), reporter.render(verdict, plan, false, busy));
  }
  return verdict;
}

async function writeReport(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((cause: unknown) => {
    const message = `Cannot write the report "${file}": ${reasonOf(cause)}`;
    throw new BreakwaterError("HARNESS_ERROR", "REPORT_UNWRITABLE", message, { cause });
  });
}
