import type { Sample } from "../journal/event.ts";
import { defineSlo } from "./slo.ts";
import { describeLimits, judgeQuantiles, quantileLimits } from "./statistics/quantile-limits.ts";

/** Too many requests, and service unavailable: what a service says that sheds load (RFC 6585, 4; RFC 9110, 15.6.4). */
const refusals: readonly Sample["status"][] = [429, 503];

/**
 * As `latency`, of the requests that were not refused: a service that sheds load keeps its promise to those that it
 * lets in. One that lets a request in and then fails it has not: that is infinitely slow, as ever.
 *
 * Refusing alone meets no limit: where nothing was let in, there is nothing to judge.
 */
export default defineSlo({
  limit: quantileLimits.describe(
    "the longest time that a quantile of the requests may take that were not refused with 429 or 503",
  ),
  withWarmup: false,
  needs: () => [],
  describe: (limits) => `${describeLimits(limits)} of admitted`,
  judge({ samples, missing }, limits) {
    const admitted = samples.filter((sample) => !wasRefused(sample));
    const judgement = judgeQuantiles(limits, admitted, missing, "admitted requests");
    const refused = samples.length - admitted.length;
    return { ...judgement, because: `${judgement.because}; ${refused} more were refused` };
  },
});

function wasRefused({ status, error }: Sample): boolean {
  return error === "" && refusals.includes(status);
}
