import { z } from "zod";
import type { Sample } from "../../journal/event.ts";
import { duration } from "../../system/units.ts";
import type { Judgement } from "../slo.ts";
import { firstIndex } from "./bisect.ts";
import { formatDuration } from "./format.ts";
import { quantile, sortedDurationsMs } from "./quantile.ts";
import { doubt, judgeShare } from "./share.ts";

const quantileName = z.string().regex(/^p[1-9]\d?(\.\d+)?$/, "a quantile is p50, p99 or p99.9");

/** Quantiles with the longest time, in ms, that each may take. */
export const quantileLimits = z
  .record(quantileName, duration)
  .refine((limits) => Object.keys(limits).length > 0, "at least one quantile is needed, such as p99: 800ms");
type QuantileLimits = z.output<typeof quantileLimits>;

const severity = { fail: 2, inconclusive: 1, pass: 0 } as const satisfies Record<
  Judgement["outcome"],
  number
>;

export function describeLimits(limits: QuantileLimits): string {
  return Object.entries(limits)
    .map(([name, limitMs]) => `${name} ≤ ${formatDuration(limitMs)}`)
    .join(", ");
}

/**
 * Whether each quantile keeps its limit. A failed request is infinitely slow. `p99 ≤ 800 ms` holds exactly when at
 * least 99% of the requests took 800 ms or less, so it is judged as a share, with the same least number of samples.
 *
 * @param what the samples are, for the sentence: `requests`
 */
export function judgeQuantiles(
  limits: QuantileLimits,
  samples: readonly Sample[],
  missing: number,
  what: string,
): Judgement {
  const sorted = sortedDurationsMs(samples);
  const n = sorted.length;
  const failures = n - countUpTo(sorted, Number.MAX_VALUE);
  const parts = Object.entries(limits).map(([name, limitMs]) => {
    const q = Number(name.slice(1)) / 100;
    const count = { n, bad: n - countUpTo(sorted, limitMs), missing };
    const decided = judgeShare(count, q);
    const value = n === 0 ? "-" : formatDuration(quantile(sorted, q));
    const because =
      n === 0
        ? `no ${what} were observed`
        : `${name} was ${value} over ${n} ${what} (${failures} failed), limit ${formatDuration(limitMs)}${doubt(decided, count, q)}`;
    return { ...decided, name, value, because };
  });
  const [worst] = parts.toSorted((a, b) => severity[b.outcome] - severity[a.outcome]);
  if (worst === undefined) throw new TypeError("A latency limit names at least one quantile");
  const { outcome, code } = worst;
  return {
    outcome,
    ...(code === undefined ? {} : { code }),
    because: n === 0 ? worst.because : parts.map(({ because }) => because).join("; "),
    value: n === 0 ? "-" : parts.map(({ name, value }) => `${name} ${value}`).join(", "),
    n,
  };
}

/** How many of the ascending values are at most `limit`. */
function countUpTo(sorted: Float64Array, limit: number): number {
  return firstIndex(sorted.length, (i) => (sorted[i] ?? 0) > limit);
}
