/** How long requests took. Milliseconds; NaN throughout where there were none. */
export interface Distribution {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The time that 0 %, 1 %, … 100 % of the requests do not exceed, for plots. */
  readonly percentilesMs: readonly number[];
}

/** Exact, by nearest rank: the smallest time that at least the share of requests does not exceed. NaN is left out. */
export function distributionOf(timesMs: Float32Array, from = 0): Distribution {
  const sorted = timesMs.slice(from).filter((ms) => !Number.isNaN(ms));
  sorted.sort();
  const count = sorted.length;
  const at = (percent: number): number => {
    const rank = Math.max(1, Math.ceil((percent * count) / 100));
    return sorted[rank - 1] ?? Number.NaN;
  };
  let sum = 0;
  for (const ms of sorted) sum += ms;
  return {
    count,
    meanMs: sum / count,
    p50Ms: at(50),
    p95Ms: at(95),
    p99Ms: at(99),
    maxMs: at(100),
    percentilesMs: Array.from({ length: 101 }, (_, percent) => at(percent)),
  };
}
