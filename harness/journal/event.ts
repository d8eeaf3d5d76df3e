/**
 * What happened, in order. The journal holds nothing else, and a verdict reads nothing but the plan,
 * the journal and the samples.
 *
 * `atMs` is monotonic time since the run began, on the harness's clock. Times of other clocks are
 * converted on arrival; the offset used is a `clock` event.
 */
export type RunEvent = Stamp & EventBody;

export interface Stamp {
  readonly atMs: number;
  /** Who saw it: `harness`, `router`, `k6`, `substrate`, `evidence`. */
  readonly source: string;
  /** Which of several runs side by side this belongs to; `main` where there is one. */
  readonly arm: string;
  /** Counts from 1; a repeated measurement is another attempt. */
  readonly attempt: number;
}

export const phaseNames = ["warmup", "baseline", "fault", "recovery"] as const;
export type PhaseName = (typeof phaseNames)[number];

export type FaultState =
  | "requested"
  /** Evidence says that it is in force. */
  | "proven"
  /** Evidence did not say so in time: no verdict can rest on this fault. */
  | "not-proven"
  | "heal-requested"
  /** Evidence says that it is gone and that what it hit serves again. */
  | "healed-proven"
  | "not-healed";

export type EventBody =
  | {
      readonly type: "run-started";
      readonly runId: string;
      readonly startedAt: string;
      readonly seed: number;
      readonly versions: Readonly<Record<string, string>>;
    }
  /** At the start and at the end of a run: the load average of the last minute (0 where the system has none), and the cores. */
  | { readonly type: "machine"; readonly load1m: number; readonly cores: number }
  /** `wallAtZeroMs`: what the named clock (Unix time in ms) said at `atMs` 0 of the run. */
  | { readonly type: "clock"; readonly clock: string; readonly wallAtZeroMs: number }
  | { readonly type: "process-started"; readonly process: string; readonly pid: number }
  | {
      readonly type: "process-exited";
      readonly process: string;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      /** Whether the harness itself ended it. */
      readonly expected: boolean;
    }
  | { readonly type: "system-ready"; readonly tookMs: number; readonly entry: string }
  | {
      readonly type: "load-started";
      readonly ratePerS: number;
      readonly durationMs: number;
      readonly vus: number;
    }
  | {
      readonly type: "load-ended";
      readonly code: number | null;
      readonly signal: string | null;
      readonly expected: boolean;
    }
  /** Arrivals that the load generator could not start, in the `stretchMs` from then on: it is they that make a load invalid. */
  | { readonly type: "arrivals-dropped"; readonly count: number }
  /** Requests beside the measured ones that the load script says it has sent, in the `stretchMs` from then on. */
  | { readonly type: "extra-load"; readonly count: number }
  | { readonly type: "phase-started"; readonly phase: PhaseName | "end" }
  | {
      readonly type: "fault";
      readonly fault: string;
      readonly kind: string;
      readonly state: FaultState;
      /** Members or links, as resolved when the fault began. */
      readonly targets: readonly string[];
      /** What the evidence saw, in one sentence. */
      readonly saw?: string;
    }
  /** Since the run began: the connections that the entry handed to each replica, and what passed each link. */
  | {
      readonly type: "traffic";
      readonly entry: Readonly<Record<string, number>>;
      readonly links: Readonly<Record<string, LinkTraffic>>;
    }
  /** A connection of a process that is no member's: it passes no link, so no fault on a link touches it. */
  | { readonly type: "bypass"; readonly to: string; readonly from: string }
  | { readonly type: "warning"; readonly code: string; readonly message: string }
  | {
      readonly type: "run-ended";
      readonly how: "completed" | "interrupted" | "failed";
      readonly error?: { readonly code: string; readonly message: string };
    };

/** An event that counts what k6 tells one by one stands for so long. */
export const stretchMs = 100;

export interface LinkTraffic {
  readonly connections: number;
  /** Bytes from the link's source to its destination. */
  readonly bytesOut: number;
  /** Bytes from the link's destination back to its source. */
  readonly bytesIn: number;
}

/** One request, as the load generator saw it. A row of samples.csv. */
export interface Sample {
  /** Run time at which the request began; samples belong to phases by it. */
  readonly startMs: number;
  readonly durationMs: number;
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** Empty where the request succeeded on the wire. */
  readonly error: string;
  /** The phase that the run was in when the request began; empty before the first. */
  readonly phase: PhaseName | "";
  /** What the service said of its cache; empty where it said nothing. */
  readonly cache: "hit" | "miss" | "bypass" | "";
  /** What the oracle said of the answer; empty where there was none to judge. */
  readonly answer: "right" | "wrong" | "foreign" | "stale" | "";
  readonly source: string;
  readonly arm: string;
  readonly attempt: number;
}

/** A request has failed when no answer came or the answer was not a success. */
export function failed(sample: Sample): boolean {
  return sample.error !== "" || sample.status < 200 || sample.status >= 400;
}
