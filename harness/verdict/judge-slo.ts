import { failed, type PhaseName } from "../journal/event.ts";
import type { AnySlo } from "../slos/catalog.ts";
import type { Judgement, ObservedRun } from "../slos/slo.ts";
import { clipRun, observe } from "./observe.ts";

/** What is known of the run's validity when its SLOs are judged. */
export interface Doubts {
  /** The code of what makes the whole run worthless; absent where nothing does. */
  readonly runCode: string | undefined;
  /** When the first fault began; absent in a run without a fault: then any miss is the system's own. */
  readonly faultMs: number | undefined;
  readonly notProven: boolean;
  /** When the healing of the first fault that did not heal was requested; absent where all healed. */
  readonly notHealedMs: number | undefined;
}

/**
 * One SLO over one run; a miss that the run cannot hold against the system is inconclusive.
 * @param limit as the SLO's own schema has read it
 */
export function judgeSlo(
  { slo, limit, during }: { slo: AnySlo; limit: unknown; during: readonly PhaseName[] },
  run: ObservedRun,
  doubts: Doubts,
): Judgement {
  const judgeOver = (over: ObservedRun) => slo.judge(observe(over, during, slo.withWarmup), limit);
  const missed = slo.needs(limit).find((field) => isNowhere(field, run));
  if (missed !== undefined) {
    const because = `the load script reported no "${missed}" in any of ${run.samples.length} requests`;
    return { outcome: "inconclusive", code: "FIELD_NOT_REPORTED", because, value: "-", n: 0 };
  }
  const judgement = judgeOver(run);
  if (judgement.outcome !== "fail") return judgement;
  const excused = (code: string, why: string): Judgement => ({
    ...judgement,
    outcome: "inconclusive",
    code,
    because: `${judgement.because}; ${why}`,
  });
  const { runCode, faultMs, notProven, notHealedMs } = doubts;
  if (runCode !== undefined) return excused(runCode, "the run itself is not valid");
  if (faultMs === undefined) return judgement;
  if (judgeOver(clipRun(run, faultMs)).outcome === "fail") {
    return excused("BASELINE_SICK", "the limit was missed before the fault began");
  }
  if (notProven) return excused("FAULT_NOT_PROVEN", "not every fault was proven to be in force");
  if (notHealedMs !== undefined && judgeOver(clipRun(run, notHealedMs)).outcome !== "fail") {
    return excused("FAULT_NOT_HEALED", "a fault was not proven to be healed");
  }
  return judgement;
}

function isNowhere(field: "cache" | "answer", { samples }: ObservedRun): boolean {
  const answered = samples.filter((sample) => !failed(sample));
  return answered.length > 0 && answered.every((sample) => sample[field] === "");
}
