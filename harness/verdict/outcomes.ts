import type { Outcome } from "../exit-codes.ts";

/** Of several runs: a proven failure of the system comes before a run that says nothing about it. */
const worstFirst = [
  "INTERRUPTED",
  "FAIL",
  "HARNESS_ERROR",
  "BAD_INPUT",
  "INCONCLUSIVE",
  "PASS",
] as const satisfies readonly Outcome[];

/** The outcome of a group of runs. Of none at all it is INCONCLUSIVE: what checked nothing has not passed. */
export function worstOf(outcomes: readonly Outcome[]): Outcome {
  return worstFirst.find((outcome) => outcomes.includes(outcome)) ?? "INCONCLUSIVE";
}
