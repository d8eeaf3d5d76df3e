import { BreakwaterError } from "../errors.ts";

/** Why a plan cannot be made. */
export type RefusalCode =
  /** What is to be hit does not exist, or a share of it that is to be hit comes to none. */
  | "EMPTY_TARGET"
  /** The substrate cannot do what a fault needs. */
  | "NOT_OFFERED"
  | "UNKNOWN_SERVICE"
  | "UNKNOWN_STORE"
  /** Nothing in the system file makes the one refer to the other. */
  | "UNKNOWN_LINK"
  /** Nothing is known that the other side would answer, so a fault on the link could not be proven. */
  | "NOT_PROVABLE"
  | "UNKNOWN_SWITCH"
  /** An SLO reads what the load script does not report. */
  | "FIELD_NOT_REPORTED"
  /** An SLO is about a phase that the scenario does not have. */
  | "SLO_PHASE_MISSING";

/** Takes down a reason; all of them are told at once. */
export type Refuse = (code: RefusalCode, message: string) => void;

export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

/** @throws BreakwaterError PLAN_REFUSED with every refusal; nothing where there is none */
export function throwRefusals(what: string, refusals: readonly Refusal[], hints: readonly string[]): void {
  if (refusals.length === 0) return;
  const lines = refusals.map(({ code, message }) => `${code}: ${message}`);
  throw new BreakwaterError(
    "BAD_INPUT",
    "PLAN_REFUSED",
    [`Cannot plan ${what}`, ...new Set(lines)].join("\n  "),
    hints.length === 0 ? {} : { hint: hints.join("\n") },
  );
}
