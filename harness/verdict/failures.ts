import { failed, type Sample } from "../journal/event.ts";
import type { PhaseFailures } from "./verdict.ts";

/** A load script may report any text as an error: more kinds than this tell nobody more. */
const listedAtMost = 5;

/**
 * How requests failed, by the phase in which they began.
 * @param samples in order of start time
 */
export function failuresOf(samples: readonly Sample[]): readonly PhaseFailures[] {
  const byPhase = Map.groupBy(samples.filter(failed), ({ phase }) => phase);
  return [...byPhase].map(([phase, some]) => ({ phase, failed: some.length, causes: causesOf(some) }));
}

function causesOf(samples: readonly Sample[]): PhaseFailures["causes"] {
  const counts = [...Map.groupBy(samples, causeOf)]
    .map(([cause, some]) => ({ cause, count: some.length }))
    .toSorted((a, b) => b.count - a.count || (a.cause < b.cause ? -1 : 1));
  const rest = counts.slice(listedAtMost).reduce((sum, { count }) => sum + count, 0);
  return rest === 0 ? counts : [...counts.slice(0, listedAtMost), { cause: "others", count: rest }];
}

function causeOf({ status, error }: Sample): string {
  return error === "" ? `status ${status}` : `error ${error}`;
}
