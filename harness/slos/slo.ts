import type { z } from "zod";
import type { PhaseName, RunEvent, Sample } from "../journal/event.ts";
import type { SampleField } from "../system/system.ts";

/** Judges a finished run from what was recorded alone, so that an old run can be judged again. */
export interface Slo<P extends z.ZodType = z.ZodType> {
  /** The value under this SLO's key in a scenario, such as `99.5%` or `{ p99: 800ms }`. */
  readonly limit: P;
  /** Whether the warm-up is judged too where a scenario names no phase. */
  readonly withWarmup: boolean;
  /** Fields that the load script must report for this limit. */
  needs(limit: z.output<P>): readonly SampleField[];
  /** Phases that a scenario must have, whichever it is judged over. */
  readonly needsPhases?: readonly PhaseName[];
  /** What is asked, for tables: `p99 ≤ 800 ms`. */
  describe(limit: z.output<P>): string;
  judge(observed: Observed, limit: z.output<P>): Judgement;
}

/** What an SLO judges. */
export interface Observed {
  /** The samples of the asked phases, by start time. */
  readonly samples: readonly Sample[];
  /**
   * Requests that should have been in these phases and of which nothing is known: dropped arrivals and lost
   * stretches of the stream. An SLO counts them once as all good and once as all bad.
   */
  readonly missing: number;
  /** Everything, for SLOs that compare phases. */
  readonly run: ObservedRun;
}

export interface ObservedRun {
  /** In order of time. */
  readonly events: readonly RunEvent[];
  /** In order of start time. */
  readonly samples: readonly Sample[];
  /** When each judged window began and ended; absent when it never began. */
  readonly windows: Windows;
  /** Run time at which the observation ended. */
  readonly untilMs: number;
  /** Requests that should have begun within the window and of which nothing is known. */
  missing(window: Window): number;
}

export type Windows = Readonly<Partial<Record<PhaseName, readonly Window[]>>>;

/** Run time in ms; what begins at `untilMs` is outside. */
export interface Window {
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface Judgement {
  readonly outcome: "pass" | "fail" | "inconclusive";
  /** A stable code where the outcome is not `pass`: `LIMIT_MISSED`, `TOO_FEW_SAMPLES`, `SAMPLES_MISSING`, … */
  readonly code?: string;
  /** One sentence with the measured value, the limit and the sample count. */
  readonly because: string;
  /** The measured value, formatted for tables; `-` where there is none. */
  readonly value: string;
  /** Samples that it rests on. */
  readonly n: number;
}

export function defineSlo<P extends z.ZodType>(slo: Slo<P>): Slo<P> {
  return slo;
}
