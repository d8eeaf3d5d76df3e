import { z } from "zod";
import { count, factor, ms, onOff, positiveMs, share } from "./values.ts";

/** How one answer serves many requests: shared while it is made, refreshed before and after its time. */
export const answeringVariables = z.object({
  BW_COALESCE: onOff.describe("requests for the same answer share one call of the model, in one process"),
  BW_LEASE: onOff.describe("and, by a lease in Redis, over all processes"),
  BW_LEASE_MS: positiveMs
    .prefault("600")
    .describe("how long after its holder died a lease keeps others waiting; a living holder extends it"),

  BW_STALE_WHILE_REVALIDATE: onOff.describe("off: an answer that is past its time is waited for anew"),
  BW_CACHE_REVALIDATE_MS: ms
    .prefault("60000")
    .describe("how long after its time an answer is served at once, and a new one made behind it"),
  BW_EARLY_REFRESH: onOff.describe(
    "a new answer is now and then made before the old one's time is over: XFetch",
  ),
  BW_EARLY_REFRESH_BETA: factor
    .prefault("1")
    .describe("above 1: answers are made anew earlier before their end, and more often; below: later"),
  BW_REFRESH_CONCURRENCY: count
    .prefault("10")
    .describe("refreshes under way; of the model's places, what callers can never be kept from is the rest"),
  BW_TTL_JITTER: onOff.describe("answers stored together do not end together"),
  BW_TTL_JITTER_SHARE: share
    .prefault("0.1")
    .describe("answers are fresh for up to this share less than BW_CACHE_FRESH_MS, each for its own time"),
  BW_BEFORE_DEADLINE_MS: ms
    .prefault("100")
    .describe("so long before its deadline a caller who waits is given a stale answer, where there is one"),
});

export function answeringSettings(env: z.output<typeof answeringVariables>) {
  return {
    answering: {
      coalesce: env.BW_COALESCE,
      lease: env.BW_LEASE ? { ttlMs: env.BW_LEASE_MS } : undefined,
      revalidateMs: env.BW_STALE_WHILE_REVALIDATE ? env.BW_CACHE_REVALIDATE_MS : undefined,
      earlyBeta: env.BW_EARLY_REFRESH ? env.BW_EARLY_REFRESH_BETA : undefined,
      refreshConcurrency: env.BW_REFRESH_CONCURRENCY,
      jitterShare: env.BW_TTL_JITTER ? env.BW_TTL_JITTER_SHARE : undefined,
      beforeDeadlineMs: env.BW_BEFORE_DEADLINE_MS,
    },
  };
}
