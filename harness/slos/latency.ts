import { z } from "zod";
import { duration } from "../system/units.ts";
import { defineSlo, type Judgement } from "./slo.ts";
import { firstIndex } from "./statistics/bisect.ts";
import { formatDuration } from "./statistics/format.ts";
import { quantile, sortedDurationsMs } from "./statistics/quantile.ts";
import { doubt, judgeShare } from "./statistics/share.ts";

const quantileName = z.string().regex(/^p[1-9]\d?(\.\d+)?$/, "a quantile is p50, p99 or p99.9");
const severity = { fail: 2, inconclusive: 1, pass: 0 } as const satisfies Record<
  Judgement["outcome"],
  number
>;

/**
 * Quantiles of the time from sending a request to the end of its answer, each with its limit.
 *
 * A failed request is infinitely slow. `p99 ≤ 800 ms` holds exactly when at least 99% of the requests took
 * 800 ms or less, so it is judged as a share, with the same least number of samples.
 */
export default defineSlo({
  limit: z
    .record(quantileName, duration)
    .refine((limits) => Object.keys(limits).length > 0, "at least one quantile is needed, such as p99: 800ms")
    .describe("the longest time that a quantile of the requests may take, such as p99: 800ms"),
  withWarmup: false,
  needs: () => [],
  describe: (limits) =>
    Object.entries(limits)
      .map(([name, limitMs]) => `${name} ≤ ${formatDuration(limitMs)}`)
      .join(", "),
  judge({ samples, missing }, limits) {
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
          ? "no requests were observed"
          : `${name} was ${value} over ${n} requests (${failures} failed), limit ${formatDuration(limitMs)}${doubt(decided, count, q)}`;
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
  },
});

/** How many of the ascending values are at most `limit`. */
function countUpTo(sorted: Float64Array, limit: number): number {
  return firstIndex(sorted.length, (i) => (sorted[i] ?? 0) > limit);
}
