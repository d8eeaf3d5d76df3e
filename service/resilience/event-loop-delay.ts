import { monitorEventLoopDelay } from "node:perf_hooks";

/** Of the monitor's own timer: how often it looks. */
const resolutionMs = 10;

/**
 * How late this process is in doing what is due, in ms: the mean over at least the last `overMs`, and at most since it
 * was last asked. One long pause (a garbage collection) moves the mean little; a loop that is always late moves it by
 * as much as it is late.
 *
 * @param now monotonic, in ms
 */
export function eventLoopDelay(overMs: number, now: () => number): () => number {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let since = now();
  let latestMs = 0;
  return () => {
    if (now() - since >= overMs && histogram.count > 0) {
      // It records the time between two looks, which the resolution is a part of.
      latestMs = Math.max(0, histogram.mean / 1e6 - resolutionMs);
      histogram.reset();
      since = now();
    }
    return latestMs;
  };
}
