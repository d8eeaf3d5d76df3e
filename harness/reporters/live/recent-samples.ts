import { failed, type Sample } from "../../journal/event.ts";

/** What the requests of the last moments looked like. */
export interface Recent {
  /** Requests that ended, per second. */
  readonly ratePerS: number;
  /** Share of them that succeeded; absent when none ended. */
  readonly successShare?: number;
  /** A failed request counts as infinitely slow, as in the verdict; absent when none ended. */
  readonly p99Ms?: number;
}

/** Remembers the requests that ended within the last `windowMs`. Samples come nearly in the order of their ends. */
export function createRecentSamples(windowMs: number) {
  let samples: { readonly endMs: number; readonly tookMs: number }[] = [];
  return {
    add(sample: Sample): void {
      const endMs = sample.startMs + sample.durationMs;
      samples.push({ endMs, tookMs: failed(sample) ? Number.POSITIVE_INFINITY : sample.durationMs });
    },
    at(nowMs: number): Recent {
      samples = samples.filter(({ endMs }) => endMs > nowMs - windowMs);
      const ratePerS = samples.length / (windowMs / 1000);
      const sorted = samples.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
      const p99Ms = sorted[Math.ceil(sorted.length * 0.99) - 1];
      if (p99Ms === undefined) return { ratePerS };
      const succeeded = sorted.filter(Number.isFinite).length;
      return { ratePerS, successShare: succeeded / sorted.length, p99Ms };
    },
  };
}
