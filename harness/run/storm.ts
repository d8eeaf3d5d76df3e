import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { abortOf } from "../abort.ts";
import { BreakwaterError } from "../errors.ts";
import type { EventBody, Sample } from "../journal/event.ts";
import type { RunFolder } from "../journal/run-folder.ts";
import { type Load, startLoad } from "../load/k6.ts";
import type { Plan } from "../plan/plan.ts";
import type { Deployment } from "../substrates/substrate.ts";
import type { Tools } from "../toolchain/tools.ts";
import type { UndoRecords } from "../undo/records.ts";
import { inject } from "./inject.ts";

export interface Storm {
  readonly plan: Plan;
  readonly deployment: Deployment;
  readonly tools: Tools;
  readonly folder: RunFolder;
  readonly records: UndoRecords;
  readonly record: (source: string, body: EventBody, atMs?: number) => void;
  readonly sample: (sample: Sample) => void;
  /** Run time in ms. */
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/** What k6 needs beyond its last request's timeout to end by itself. */
const loadEndsWithinMs = 10_000;

/**
 * Load, phases and faults on a running system, from the first arrival to the last answer. When it rejects, the
 * load has ended and no fault acts any more; what is in force is still to be healed.
 */
export async function storm({
  plan,
  deployment,
  tools,
  folder,
  records,
  record,
  sample,
  nowMs,
  signal,
}: Storm): Promise<void> {
  let zeroMs: number | undefined;
  const phaseAt = (startMs: number): Sample["phase"] => {
    // The first rows come before it is known which request was the first: they begin the first phase.
    const sinceMs = zeroMs === undefined ? 0 : startMs - zeroMs;
    return plan.phases.findLast(({ fromMs }) => fromMs <= sinceMs)?.phase ?? plan.phases[0]?.phase ?? "";
  };
  const load = await startLoad({
    load: plan.load,
    seed: plan.seed,
    entry: deployment.entry,
    deployment,
    k6: tools.k6,
    workDir: folder.path,
    logFile: join(folder.logs, "k6.log"),
    nowMs,
    phaseAt,
    onSample: sample,
    record,
  });
  const over = new AbortController();
  const waiting = AbortSignal.any([signal, over.signal]);
  const injections: Promise<void>[] = [];
  const course = async () => {
    const startedMs = await load.started;
    zeroMs = startedMs;
    const until = (atMs: number) =>
      delay(Math.max(0, startedMs + atMs - nowMs()), undefined, { signal: waiting });
    injections.push(
      ...plan.faults.map(async (fault) => {
        await until(fault.atMs);
        await inject(fault, deployment, records, record, nowMs, waiting);
      }),
    );
    await Promise.race([
      Promise.all([
        phases(plan, deployment, startedMs, until, record),
        ...injections,
        lastAnswer(plan, load, until),
      ]),
      endsTooEarly(plan, load, () => nowMs() - startedMs),
    ]);
  };
  try {
    await Promise.race([course(), abortOf(waiting), deployment.broken]);
  } catch (thrown) {
    over.abort(thrown);
    // Nothing may act any more once this returns.
    await Promise.allSettled([...injections, load.stop()]);
    throw thrown;
  } finally {
    over.abort();
  }
}

/**
 * Phases are recorded at the times of the plan, not when a timer has fired: samples are sorted into them by the
 * same times.
 */
async function phases(
  plan: Plan,
  deployment: Deployment,
  startedMs: number,
  until: (atMs: number) => Promise<void>,
  record: Storm["record"],
): Promise<void> {
  for (const { phase, fromMs } of plan.phases) {
    await until(fromMs);
    record("harness", { type: "phase-started", phase }, startedMs + fromMs);
    record("substrate", { type: "traffic", ...(await deployment.traffic()) });
  }
  await until(plan.load.durationMs);
  record("harness", { type: "phase-started", phase: "end" }, startedMs + plan.load.durationMs);
  record("substrate", { type: "traffic", ...(await deployment.traffic()) });
}

async function lastAnswer(plan: Plan, load: Load, until: (atMs: number) => Promise<void>): Promise<void> {
  const late = until(plan.load.durationMs + plan.load.timeoutMs + loadEndsWithinMs).then(() => {
    throw new BreakwaterError(
      "HARNESS_ERROR",
      "LOAD_NOT_ENDED",
      "Cannot end the load: k6 still runs long after its last request",
    );
  });
  late.catch(() => {});
  await Promise.race([load.ended, late]);
}

/** Rejects when k6 ends before its time or otherwise than well; else stays pending. */
async function endsTooEarly(plan: Plan, load: Load, sinceStartMs: () => number): Promise<never> {
  const { code, signal } = await load.ended;
  // k6 counts from its own start, a little before the first arrival.
  const earlyMs = plan.load.durationMs - sinceStartMs();
  if (code !== 0 || earlyMs > 1_000) {
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    const when = earlyMs > 0 ? `, ${(earlyMs / 1000).toFixed(1)} s before its time` : "";
    throw new BreakwaterError("HARNESS_ERROR", "LOAD_FAILED", `Cannot go on: k6 has ended ${how}${when}`, {
      hint: "its last words are in logs/k6.log of the run's folder",
    });
  }
  return await new Promise<never>(() => {});
}
