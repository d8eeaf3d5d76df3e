import type { PhaseName } from "../journal/event.ts";
import type { Target } from "./target.ts";

/** One experiment, as read from its file. */
export interface Scenario {
  readonly title: string;
  readonly hypothesis: string;
  readonly load: {
    readonly ratePerS: number;
    readonly keys: {
      readonly distribution: "zipf" | "uniform";
      readonly exponent: number;
      readonly count: number;
    };
    readonly timeoutMs: number;
    /** The script's own settings of this experiment. */
    readonly env: Readonly<Record<string, string>>;
    /** What the script has to send beside the measured requests in each phase after the warm-up, at least. */
    readonly extraPerS?: number;
  };
  /** How long each phase lasts, in ms. */
  readonly phases: {
    readonly warmup: number;
    readonly baseline: number;
    readonly fault?: number;
    readonly recovery?: number;
  };
  /** Settings of this experiment, added to a service's environment, by service. */
  readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly faults: readonly FaultSpec[];
  readonly slos: readonly SloSpec[];
  /** The change that makes the scenario fail, which shows that it can. */
  readonly mustFail?: { readonly without: string } | { readonly slo: SloSpec };
  readonly seed: number;
}

export interface FaultSpec {
  readonly kind: string;
  readonly target: Target;
  /** From the start of the fault phase. */
  readonly atMs: number;
  readonly forMs: number;
  /** As the file gives them; the fault's own schema reads them again. */
  readonly params: Readonly<Record<string, unknown>>;
}

export interface SloSpec {
  readonly slo: string;
  /** As the file gives it; the SLO's own schema reads it again. */
  readonly limit: unknown;
  /** Empty: every phase after the warm-up. */
  readonly during: readonly PhaseName[];
}
