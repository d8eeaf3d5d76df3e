import { defineSlo } from "./slo.ts";
import { describeLimits, judgeQuantiles, quantileLimits } from "./statistics/quantile-limits.ts";

/** Quantiles of the time from sending a request to the end of its answer, each with its limit. */
export default defineSlo({
  limit: quantileLimits.describe(
    "the longest time that a quantile of the requests may take, such as p99: 800ms",
  ),
  withWarmup: false,
  needs: () => [],
  describe: describeLimits,
  judge: ({ samples, missing }, limits) => judgeQuantiles(limits, samples, missing, "requests"),
});
