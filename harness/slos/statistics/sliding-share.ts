import type { Sample } from "../../journal/event.ts";
import type { ObservedRun } from "../slo.ts";
import { firstIndex } from "./bisect.ts";

/** A window with fewer requests says nothing: one more or less would move its share by more than 3%. */
export const samplesPerWindow = 30;
const stepMs = 100;

/** What is known of the requests of one window. */
export interface WindowCount {
  readonly n: number;
  readonly good: number;
  readonly missing: number;
}
export type Shares = (fromMs: number, untilMs: number) => WindowCount;

/** Counts over any window, from running sums over the samples in order of start time. */
export function shares(run: ObservedRun, good: (sample: Sample) => boolean): Shares {
  const goodBefore = new Uint32Array(run.samples.length + 1);
  for (const [i, sample] of run.samples.entries()) {
    goodBefore[i + 1] = (goodBefore[i] ?? 0) + (good(sample) ? 1 : 0);
  }
  const { samples } = run;
  const firstFrom = (timeMs: number) =>
    firstIndex(samples.length, (i) => (samples[i]?.startMs ?? 0) >= timeMs);
  return (fromMs, untilMs) => {
    const from = firstFrom(fromMs);
    const until = firstFrom(untilMs);
    return {
      n: until - from,
      good: (goodBefore[until] ?? 0) - (goodBefore[from] ?? 0),
      missing: run.missing({ fromMs, untilMs }),
    };
  };
}

/**
 * The first window that meets the limit; looks past `withinMs` too, to say when it was back.
 * `unjudged` counts the windows that began in time and about which nothing can be said.
 */
export function firstWindow(search: {
  run: ObservedRun;
  share: Shares;
  fromMs: number;
  heldForMs: number;
  withinMs: number;
  atLeast: number;
  missingAre: "good" | "bad";
}): { afterMs: number | undefined; best: number; unjudged: number } {
  let unjudged = 0;
  let best = 0;
  const lastMs = Math.max(search.withinMs, search.run.untilMs - search.fromMs);
  for (let afterMs = 0; afterMs <= lastMs; afterMs += stepMs) {
    const windowFromMs = search.fromMs + afterMs;
    const windowUntilMs = windowFromMs + search.heldForMs;
    const { n, good, missing } = search.share(windowFromMs, windowUntilMs);
    if (windowUntilMs > search.run.untilMs || n + missing < samplesPerWindow) {
      if (afterMs <= search.withinMs) unjudged += 1;
      continue;
    }
    const value = (good + (search.missingAre === "good" ? missing : 0)) / (n + missing);
    best = Math.max(best, value);
    if (value >= search.atLeast - 1e-9) return { afterMs, best, unjudged };
  }
  return { afterMs: undefined, best, unjudged };
}
