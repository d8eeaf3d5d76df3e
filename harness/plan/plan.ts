import type { PhaseName } from "../journal/event.ts";
import type { LoadSpec } from "../load/load-spec.ts";

/** What is going to happen, with every draw: plan.json. Pure data; a verdict reads it again. */
export interface Plan {
  readonly version: 1;
  readonly scenario: string;
  readonly title: string;
  readonly hypothesis: string;
  readonly system: string;
  readonly substrate: string;
  readonly seed: number;
  /** Switches thrown for this run, in the order given. */
  readonly without: readonly string[];
  /** Environment added to each service: the thrown switches and the scenario's own settings. */
  readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly load: PlannedLoad;
  readonly phases: readonly PlannedPhase[];
  readonly faults: readonly PlannedFault[];
  readonly slos: readonly PlannedSlo[];
  /** The change with which the scenario says that it must fail, whether or not this run makes it. */
  readonly mustFail?: { readonly without: string } | { readonly slo: PlannedSlo } | undefined;
}

/** `vus` is ceil(rate × (timeout + 0.5 s)), and twice that where extra load is asked for: so many can be under way before an arrival is dropped. */
export interface PlannedLoad extends LoadSpec {
  readonly reports: readonly string[];
  /** What the script has to send beside the measured requests in each phase after the warm-up, at least. */
  readonly extraPerS?: number | undefined;
}

/** Times are from the start of the load. */
export interface PlannedPhase {
  readonly phase: PhaseName;
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface PlannedFault {
  /** `0-kill-node`: unique in the run. */
  readonly id: string;
  readonly kind: string;
  readonly target: PlannedTarget;
  /** From the start of the load. */
  readonly atMs: number;
  readonly forMs: number;
  /** As the scenario gave them; the fault's own schema reads them again. */
  readonly params: Readonly<Record<string, unknown>>;
}

export type PlannedTarget =
  | { readonly hits: "nothing" }
  /**
   * `ranks`: drawn with the seed among the `of` members that match when the fault begins, ordered by name.
   * A member's role is looked up at that moment.
   */
  | {
      readonly hits: "member";
      readonly of: string;
      readonly role?: "master" | "replica";
      readonly ranks: readonly number[];
    }
  /** Every link from `from`'s replicas to the drawn members of `to`. */
  | {
      readonly hits: "link";
      readonly from: string;
      readonly to: string;
      readonly role?: "master" | "replica";
      readonly ranks: readonly number[];
    };

export interface PlannedSlo {
  /** The catalog's key: `availability`, `latency`, … */
  readonly slo: string;
  /** As the scenario gave it; the SLO's own schema reads it again. */
  readonly limit: unknown;
  /** Empty: every phase after the warm-up. */
  readonly during: readonly PhaseName[];
}
