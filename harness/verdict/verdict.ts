import type { Outcome } from "../exit-codes.ts";
import type { Judgement } from "../slos/slo.ts";

/** What a run proves: verdict.json. A pure function of the run's plan, journal and samples. */
export interface Verdict {
  readonly version: 1;
  readonly runId: string;
  readonly scenario: string;
  readonly outcome: Outcome;
  readonly exitCode: number;
  /** One line: what was decided and why. */
  readonly because: string;
  /** Everything that speaks against a PASS, worst first; codes are stable. */
  readonly reasons: readonly Reason[];
  readonly slos: readonly JudgedSlo[];
  readonly faults: readonly JudgedFault[];
  readonly load: {
    readonly planned: number;
    readonly sampled: number;
    readonly dropped: number;
    /** Neither sampled nor dropped: lost on the way. */
    readonly lost: number;
    readonly failed: number;
  };
  /** The failed requests of each phase in which there were any, in order of time. */
  readonly failures: readonly PhaseFailures[];
  /** Requests beside the measured ones, by phase after the warm-up; absent where the scenario asks for none. */
  readonly extraLoad?: { readonly askedPerS: number; readonly perS: Readonly<Record<string, number>> };
  /** Times from the first fault's request; absent without a fault. */
  readonly outage?: {
    /** The first failed request; absent when none failed. */
    readonly firstFailureMs?: number;
    /** From when on no more failed; absent when requests still failed at the end. */
    readonly backMs?: number;
    readonly failedRequests: number;
  };
}

export interface PhaseFailures {
  /** The phase that the run was in when the requests began; empty before the first. */
  readonly phase: string;
  readonly failed: number;
  /** By `status 503` or `error 1212`, the most frequent first; the rest of a long list is `others`. */
  readonly causes: readonly { readonly cause: string; readonly count: number }[];
}

export interface Reason {
  /** What it is a reason about: the run as a whole, one of its faults, or one of its SLOs. */
  readonly of: "run" | "fault" | "slo";
  readonly outcome: Outcome;
  readonly code: string;
  readonly message: string;
}

export interface JudgedSlo extends Judgement {
  readonly slo: string;
  readonly asked: string;
  readonly during: readonly string[];
}

export interface JudgedFault {
  readonly id: string;
  readonly kind: string;
  readonly targets: readonly string[];
  readonly requestedMs?: number;
  readonly provenMs?: number;
  readonly healRequestedMs?: number;
  readonly healedMs?: number;
  /** What the evidence saw when it was proven, or last saw when it was not. */
  readonly saw: string;
  /** Requests that began while it was proven to be in force. */
  readonly requestsDuring: number;
}
