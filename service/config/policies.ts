import { z } from "zod";
import { count, onOff, positiveMs, share } from "./values.ts";

/** What stands around Redis, the model and the whole request. A policy that is switched off has no settings. */
export const policyVariables = z.object({
  BW_TIMEOUT: onOff.describe("deadline, attempt timeouts and the Redis client's own"),
  BW_DEADLINE_MS: positiveMs
    .prefault("2000")
    .describe("from a request's head to its whole answer, the body's arrival included"),
  BW_REDIS_TIMEOUT_MS: positiveMs.prefault("200").describe("one attempt at Redis; less than the deadline"),
  BW_MODEL_TIMEOUT_MS: positiveMs
    .prefault("1500")
    .describe("one attempt at the model; less than the deadline, to leave room to fall back"),

  BW_BULKHEAD: onOff,
  BW_REDIS_CONCURRENCY: count.prefault("64").describe("reads under way, a shard"),
  BW_REDIS_WRITE_CONCURRENCY: count.prefault("32").describe("writes under way, a shard; more are dropped"),
  BW_MODEL_CONCURRENCY: count.prefault("100").describe("calls of the model under way"),

  BW_BREAKER: onOff,
  BW_BREAKER_WINDOW_CALLS: count.prefault("20").describe("the latest calls that a breaker looks at"),
  BW_BREAKER_MINIMUM_CALLS: count.prefault("10").describe("fewer results never open a breaker"),
  BW_BREAKER_FAILURE_SHARE: share.prefault("0.5"),
  BW_REDIS_BREAKER_OPEN_MS: positiveMs
    .prefault("500")
    .describe("a probe costs one request BW_REDIS_TIMEOUT_MS: cheap, so often"),
  BW_MODEL_BREAKER_OPEN_MS: positiveMs.prefault("1000"),

  BW_FALLBACK: onOff.describe("off: a dependency that is gone fails the request, whatever else could answer"),
});

type Env = z.output<typeof policyVariables>;

export function policySettings(env: Env) {
  return {
    timeouts: env.BW_TIMEOUT
      ? {
          deadlineMs: env.BW_DEADLINE_MS,
          redisMs: env.BW_REDIS_TIMEOUT_MS,
          modelMs: env.BW_MODEL_TIMEOUT_MS,
        }
      : undefined,
    bulkheads: env.BW_BULKHEAD
      ? {
          redisReads: env.BW_REDIS_CONCURRENCY,
          redisWrites: env.BW_REDIS_WRITE_CONCURRENCY,
          model: env.BW_MODEL_CONCURRENCY,
        }
      : undefined,
    breakers: env.BW_BREAKER
      ? {
          redis: breakerSettings(env, env.BW_REDIS_BREAKER_OPEN_MS),
          model: breakerSettings(env, env.BW_MODEL_BREAKER_OPEN_MS),
        }
      : undefined,
    fallback: env.BW_FALLBACK,
  };
}

function breakerSettings(env: Env, openMs: number) {
  return {
    windowCalls: env.BW_BREAKER_WINDOW_CALLS,
    minimumCalls: Math.min(env.BW_BREAKER_MINIMUM_CALLS, env.BW_BREAKER_WINDOW_CALLS),
    failureShare: env.BW_BREAKER_FAILURE_SHARE,
    openMs,
  };
}

const timeoutVariables = policyVariables.pick({
  BW_TIMEOUT: true,
  BW_DEADLINE_MS: true,
  BW_REDIS_TIMEOUT_MS: true,
  BW_MODEL_TIMEOUT_MS: true,
});

/**
 * Attempts that would outlast the deadline: no attempt timeout would then be seen, no breaker would open, and no
 * time be left to fall back. Apart from the schema, so that these are told with other problems.
 */
export function timeoutProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  const { data } = timeoutVariables.safeParse(env);
  if (data === undefined || !data.BW_TIMEOUT) return [];
  return (["BW_REDIS_TIMEOUT_MS", "BW_MODEL_TIMEOUT_MS"] as const)
    .filter((name) => data[name] >= data.BW_DEADLINE_MS)
    .map((name) => `${name}="${data[name]}": must be less than BW_DEADLINE_MS, ${data.BW_DEADLINE_MS}`);
}
