import { failed, type Sample } from "../../journal/event.ts";

/** Durations in ascending order. A failed request is infinitely slow: failing fast must not lower a quantile. */
export function sortedDurationsMs(samples: readonly Sample[]): Float64Array {
  return Float64Array.from(samples, (sample) =>
    failed(sample) ? Number.POSITIVE_INFINITY : sample.durationMs,
  ).sort();
}

/** The order statistic of rank ceil(q·n), no interpolation; NaN of nothing. */
export function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.max(1, Math.ceil(q * sorted.length - 1e-9)) - 1] ?? Number.NaN;
}
