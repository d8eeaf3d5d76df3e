import { failed } from "../journal/event.ts";
import { share } from "../system/units.ts";
import { defineSlo } from "./slo.ts";
import { formatShare } from "./statistics/format.ts";
import { doubt, judgeShare } from "./statistics/share.ts";

/** The share of requests that were answered with success. */
export default defineSlo({
  limit: share.describe("the least share of requests that are answered with success, such as 99.5%"),
  withWarmup: false,
  needs: () => [],
  describe: (limit) => `≥ ${formatShare(limit)} answered`,
  judge({ samples, missing }, limit) {
    const n = samples.length;
    const bad = samples.filter(failed).length;
    const count = { n, bad, missing };
    const decided = judgeShare(count, limit);
    if (n === 0) return { ...decided, because: "no requests were observed", value: "-", n };
    const value = formatShare((n - bad) / n);
    const because = `${value} of ${n} requests answered (${bad} failed), limit ${formatShare(limit)}`;
    return { ...decided, because: because + doubt(decided, count, limit), value, n };
  },
});
