import type { Window } from "../slos/slo.ts";
import { firstIndex } from "../slos/statistics/bisect.ts";

/** What an open-model load was to send: evenly spaced arrivals, whether or not answers come. */
export interface Schedule {
  readonly ratePerS: number;
  readonly durationMs: number;
  /** Where arrivals are counted from if none was seen at all; absent when the load never began. */
  readonly beganMs: number | undefined;
}

/** Arrivals that the load generator could not start. */
export interface Drop {
  readonly atMs: number;
  readonly count: number;
}

export interface Arrivals {
  /** Requests that should have begun within the window and did not: dropped, lost, or begun only after it. */
  missing(window: Window): number;
  /** Requests of the window that are neither sampled nor dropped. */
  lost(window: Window): number;
}

/**
 * A difference of so many is how arrivals fall on a window's edges, and not a loss, as long as it is no more over the
 * whole run: of windows with few requests it would hide a large share.
 */
const slack = 2;

/** Arrivals that are late over a window's end by no more than this are the load generator's own pauses. */
const lateMs = 100;

/**
 * Accounts for every arrival of the schedule.
 *
 * The deficiency at a time is what should have arrived by then less what did, sampled or dropped. A stall that
 * the load generator catches up with raises it for a while, and is missing from a window that ends meanwhile; what no
 * later moment makes good is lost, at the time when the lasting deficiency grew. So are arrivals that were late when the load's time was over, and never
 * begun: nobody knows what would have become of them.
 *
 * @param startsMs start times of the samples, ascending
 */
export function countArrivals(
  schedule: Schedule,
  startsMs: readonly number[],
  drops: readonly Drop[],
): Arrivals {
  const ratePerMs = schedule.ratePerS / 1000;
  const planned = Math.round(ratePerMs * schedule.durationMs);
  const seen = merge(startsMs, drops);
  const origin = originOf(seen, schedule);
  // An arrival that is on time is one more than was due just before; so is the last, after which none is due.
  const mostDue = seen.length === 0 ? planned : planned - 1;
  const due = (timeMs: number) =>
    origin === undefined ? 0 : Math.min(mostDue, Math.max(0, ratePerMs * (timeMs - origin)));
  const leastFrom = leastDeficiencies(seen, due);
  const deficiency = (timeMs: number) => {
    const next = firstIndex(seen.length, (i) => (seen[i]?.atMs ?? 0) >= timeMs);
    const now = due(timeMs) - (seen[next - 1]?.total ?? 0);
    return { now, lasting: Math.min(now, leastFrom[next] ?? Number.POSITIVE_INFINITY) };
  };
  const grown = (fromMs: number, untilMs: number) => deficiency(untilMs).lasting - deficiency(fromMs).lasting;
  const wholeRun = grown(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  const lost = ({ fromMs, untilMs }: Window) => (wholeRun > slack ? Math.round(grown(fromMs, untilMs)) : 0);
  // What the load generator makes good after the window's end was not measured in it.
  const late = ({ fromMs, untilMs }: Window) => {
    const behind = deficiency(untilMs).now - deficiency(fromMs).now;
    return behind > Math.max(slack, ratePerMs * lateMs) ? Math.round(behind) : 0;
  };
  const dropped = ({ fromMs, untilMs }: Window) =>
    drops.reduce((sum, { atMs, count }) => (atMs >= fromMs && atMs < untilMs ? sum + count : sum), 0);
  return { lost, missing: (window) => dropped(window) + Math.max(lost(window), late(window)) };
}

interface Seen {
  readonly atMs: number;
  /** Arrivals up to and including this one. */
  readonly total: number;
  /** Arrivals before this one. */
  readonly before: number;
}

function merge(startsMs: readonly number[], drops: readonly Drop[]): readonly Seen[] {
  const all = [...startsMs.map((atMs) => ({ atMs, count: 1 })), ...drops].sort((a, b) => a.atMs - b.atMs);
  let before = 0;
  return all.map(({ atMs, count }) => {
    const seen = { atMs, before, total: before + count };
    before = seen.total;
    return seen;
  });
}

/**
 * When the schedule began: no arrival is ever early, so the latest time that makes none of them early. (The first
 * that was seen may itself have been late, or the first of which it was heard: `beganMs`.) What was lost before the
 * first arrival that was seen therefore shows at the end, where the schedule seems to go on without arrivals.
 *
 * But none begins when the time of the load is over, either. Where arrivals seem early though the last came at the
 * end, they were dated or reported wrongly; from an earlier beginning, as many losses elsewhere would not be seen.
 */
function originOf(seen: readonly Seen[], { ratePerS, durationMs, beganMs }: Schedule): number | undefined {
  const last = seen.at(-1);
  if (last === undefined) return beganMs;
  const noneEarly = seen.reduce(
    (least, { atMs, before }) => Math.min(least, atMs - (before * 1000) / ratePerS),
    Number.POSITIVE_INFINITY,
  );
  return Math.max(noneEarly, Math.min(last.atMs - durationMs, beganMs ?? Number.POSITIVE_INFINITY));
}

/** At index i: the least deficiency just after the i-th arrival or any later one. */
function leastDeficiencies(seen: readonly Seen[], due: (timeMs: number) => number): Float64Array {
  const least = new Float64Array(seen.length);
  let later = Number.POSITIVE_INFINITY;
  for (let i = seen.length - 1; i >= 0; i -= 1) {
    const arrival = seen[i];
    if (arrival !== undefined) later = Math.min(later, due(arrival.atMs) - arrival.total);
    least[i] = later;
  }
  return least;
}
