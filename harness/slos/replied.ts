import { z } from "zod";
import type { Sample } from "../journal/event.ts";
import { duration, share } from "../system/units.ts";
import { defineSlo } from "./slo.ts";
import { formatDuration, formatShare } from "./statistics/format.ts";
import { doubt, judgeShare } from "./statistics/share.ts";

/**
 * The share of requests that got a whole reply in time, whatever it said: refusing at once is a reply, and so is an
 * error. Letting the caller wait is none, nor is a connection that breaks.
 */
export default defineSlo({
  limit: z.strictObject({
    share: share.describe("the least share of requests that get a reply in time"),
    within: duration.describe("from sending the request to the end of its reply, a refusal or an error too"),
  }),
  withWarmup: false,
  needs: () => [],
  describe: (limit) => `≥ ${formatShare(limit.share)} get any reply within ${formatDuration(limit.within)}`,
  judge({ samples, missing }, limit) {
    const n = samples.length;
    const mute = samples.filter((sample) => !isReply(sample)).length;
    const late = samples.filter((sample) => isReply(sample) && sample.durationMs > limit.within).length;
    const count = { n, bad: mute + late, missing };
    const decided = judgeShare(count, limit.share);
    if (n === 0) return { ...decided, because: "no requests were observed", value: "-", n };
    const value = formatShare((n - count.bad) / n);
    const because = `${value} of ${n} requests got a reply within ${formatDuration(limit.within)} (${late} later, ${mute} none), limit ${formatShare(limit.share)}`;
    return { ...decided, because: because + doubt(decided, count, limit.share), value, n };
  },
});

function isReply({ status, error }: Sample): boolean {
  return error === "" && status > 0;
}
