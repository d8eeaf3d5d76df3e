import { access, readFile } from "node:fs/promises";
import { z } from "zod";
import { BreakwaterError, reasonOf } from "../errors.ts";
import type { RunEvent, Sample } from "../journal/event.ts";
import { parseJournal } from "../journal/reader.ts";
import type { RunFolder } from "../journal/run-folder.ts";
import { parseSamples } from "../journal/samples.ts";
import type { Plan } from "../plan/plan.ts";
import { recordedPlan } from "./recorded-plan.ts";

/** What a run has left to be judged by. */
export interface RecordedRun {
  readonly plan: Plan;
  readonly events: readonly RunEvent[];
  readonly samples: readonly Sample[];
  /** Files whose last line was cut by a crash and left out. */
  readonly cut: readonly string[];
}

/**
 * Reads a run's folder. A run that ended before its load has no samples.
 * @throws BreakwaterError PLAN_UNREADABLE or JOURNAL_DAMAGED
 */
export async function readRun(folder: RunFolder): Promise<RecordedRun> {
  const [plan, journal, samples] = await Promise.all([
    readPlan(folder.plan),
    read(folder.journal).then((text) => parseJournal(text, folder.journal)),
    readIfThere(folder.samples).then((text) => parseSamples(text, folder.samples)),
  ]);
  const cut = [journal.cut ? [folder.journal] : [], samples.cut ? [folder.samples] : []].flat();
  return { plan, events: journal.events, samples: samples.samples, cut };
}

async function readPlan(path: string): Promise<Plan> {
  const text = await read(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw planUnreadable(path, reasonOf(cause));
  }
  const plan = recordedPlan.safeParse(value);
  if (!plan.success) throw planUnreadable(path, z.prettifyError(plan.error));
  return plan.data;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new BreakwaterError(
      "HARNESS_ERROR",
      "JOURNAL_DAMAGED",
      `Cannot read "${path}": ${reasonOf(cause)}`,
      { cause },
    );
  }
}

async function readIfThere(path: string): Promise<string> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  return there ? read(path) : "";
}

function planUnreadable(path: string, why: string): BreakwaterError {
  return new BreakwaterError("HARNESS_ERROR", "PLAN_UNREADABLE", `Cannot read the plan "${path}": ${why}`, {
    hint: "Judge a run with the version of breakwater that made it.",
  });
}
