import { z } from "zod";
import { count, onOff, positiveMs, share, whole } from "./values.ts";

const queue = whole(0, 1_000_000);

/** No decision about a concurrency limit rests on fewer calls. */
const limitMinimumCalls = 10;

/** What stands around Redis, the model and the whole request. A policy that is switched off has no settings. */
export const policyVariables = z.object({
  BW_TIMEOUT: onOff.describe("deadline, attempt timeouts and the Redis client's own"),
  BW_DEADLINE_MS: positiveMs
    .prefault("2000")
    .describe(
      "from a request's head to its whole answer, the body's arrival included, where it asks for none",
    ),
  BW_DEADLINE_MAX_MS: positiveMs
    .prefault("30000")
    .describe(
      "the most that a request may ask for with x-request-deadline-ms; an attempt at the model still ends at BW_MODEL_TIMEOUT_MS",
    ),
  BW_REDIS_TIMEOUT_MS: positiveMs.prefault("200").describe("one attempt at Redis; less than the deadline"),
  BW_MODEL_TIMEOUT_MS: positiveMs
    .prefault("1500")
    .describe(
      "one attempt at the model, its whole answer included, however long a deadline a request asks for; less than BW_DEADLINE_MS, to leave room to fall back",
    ),
  BW_LEASE_TIMEOUT_MS: positiveMs
    .prefault("50")
    .describe("one attempt to take a lease: what leases may add to a request where Redis is slow"),
  BW_STREAM_STALL_MS: positiveMs
    .prefault("10000")
    .describe(
      "a caller who takes nothing of its stream for so long is cut off, if its deadline allows that much",
    ),

  BW_RETRY: onOff.describe("off: no call of the model is made again"),
  BW_RETRY_ATTEMPTS: count.prefault("3").describe("in all, the first one included"),
  BW_RETRY_BASE_MS: positiveMs
    .prefault("50")
    .describe("the longest wait before the second; doubles each time"),
  BW_RETRY_MAX_MS: positiveMs.prefault("500").describe("the longest wait before any"),
  BW_RETRY_SHARE: share.prefault("0.2").describe("retries for each call, in the long run"),
  BW_RETRY_BURST: count.prefault("10").describe("retries beyond that share, after a quiet time"),

  BW_BULKHEAD: onOff.describe("off: any number of calls of a dependency may be under way"),
  BW_REDIS_CONCURRENCY: count.prefault("64").describe("reads under way, a shard"),
  BW_REDIS_QUEUE: queue.prefault("32").describe("reads that wait for a place, a shard"),
  BW_REDIS_WRITE_CONCURRENCY: count.prefault("32").describe("writes under way, a shard; more are dropped"),
  BW_MODEL_CONCURRENCY: count
    .prefault("100")
    .describe("calls of the model under way; with BW_ADAPTIVE, the most that they may be"),
  BW_MODEL_QUEUE: queue
    .prefault("50")
    .describe("calls that wait for a place; with BW_ADAPTIVE, never more than half of the limit"),

  BW_ADAPTIVE: onOff.describe("the model's concurrency follows what it can carry; needs BW_BULKHEAD"),
  BW_MODEL_MIN_CONCURRENCY: count.prefault("4").describe("however slow the model is"),
  BW_MODEL_TARGET_MS: positiveMs
    .prefault("600")
    .describe(
      "the concurrency falls while calls take longer than this on average; well below the attempt timeout",
    ),

  BW_SHED: onOff.describe("off: every request is taken, however many are under way"),
  BW_SHED_MAX_REQUESTS: count.prefault("1000").describe("requests under way"),
  BW_SHED_MIN_REQUESTS: count.prefault("20").describe("requests under way, however late the event loop is"),
  BW_SHED_LOOP_DELAY_MS: positiveMs
    .prefault("100")
    .describe("fewer requests are taken while the event loop is later than this on average"),

  BW_BREAKER: onOff.describe("off: what keeps failing is called all the same"),
  BW_BREAKER_WINDOW_CALLS: count.prefault("20").describe("the latest calls that a breaker looks at"),
  BW_BREAKER_MINIMUM_CALLS: count.prefault("10").describe("fewer results never open a breaker"),
  BW_BREAKER_FAILURE_SHARE: share.prefault("0.5").describe("of the window, that opens a breaker"),
  BW_BREAKER_SLOW_SHARE: share.prefault("0.8").describe("of the window, that opens a breaker"),
  BW_REDIS_SLOW_MS: positiveMs.prefault("100").describe("a call that took this long is slow"),
  BW_MODEL_SLOW_MS: positiveMs.prefault("1200").describe("a call that took this long is slow"),
  BW_REDIS_BREAKER_OPEN_MS: positiveMs
    .prefault("500")
    .describe("a probe costs one request BW_REDIS_TIMEOUT_MS: cheap, so often"),
  BW_MODEL_BREAKER_OPEN_MS: positiveMs.prefault("1000").describe("then one call probes it"),
  BW_BREAKER_PROBE_MS: positiveMs
    .prefault("5000")
    .describe("how long a breaker waits for its probe, also where BW_TIMEOUT is off"),

  BW_FALLBACK: onOff.describe("off: a dependency that is gone fails the request, whatever else could answer"),
});

type Env = z.output<typeof policyVariables>;

export function policySettings(env: Env) {
  return {
    timeouts: env.BW_TIMEOUT
      ? {
          deadlines: { defaultMs: env.BW_DEADLINE_MS, maxMs: env.BW_DEADLINE_MAX_MS },
          redisMs: env.BW_REDIS_TIMEOUT_MS,
          modelMs: env.BW_MODEL_TIMEOUT_MS,
          leaseMs: env.BW_LEASE_TIMEOUT_MS,
          streamStallMs: env.BW_STREAM_STALL_MS,
        }
      : undefined,
    retries: env.BW_RETRY
      ? {
          attempts: env.BW_RETRY_ATTEMPTS,
          baseMs: env.BW_RETRY_BASE_MS,
          maxMs: env.BW_RETRY_MAX_MS,
          budget: { share: env.BW_RETRY_SHARE, burst: env.BW_RETRY_BURST },
        }
      : undefined,
    bulkheads: env.BW_BULKHEAD
      ? {
          redisReads: { limit: env.BW_REDIS_CONCURRENCY, queue: env.BW_REDIS_QUEUE },
          redisWrites: { limit: env.BW_REDIS_WRITE_CONCURRENCY, queue: 0 },
          model: {
            limit: env.BW_MODEL_CONCURRENCY,
            queue: env.BW_MODEL_QUEUE,
            adaptive: env.BW_ADAPTIVE ? adaptiveSettings(env) : undefined,
          },
        }
      : undefined,
    shed: env.BW_SHED ? shedSettings(env) : undefined,
    breakers: env.BW_BREAKER
      ? {
          redis: breakerSettings(env, env.BW_REDIS_BREAKER_OPEN_MS, env.BW_REDIS_SLOW_MS),
          model: breakerSettings(env, env.BW_MODEL_BREAKER_OPEN_MS, env.BW_MODEL_SLOW_MS),
        }
      : undefined,
    fallback: env.BW_FALLBACK,
  };
}

/**
 * It begins at a quarter, and grows as it is used: a service that has just started does not know what the model can
 * carry, and what it lets in too much is lost to all.
 */
function adaptiveSettings(env: Env) {
  const minimum = Math.min(env.BW_MODEL_MIN_CONCURRENCY, env.BW_MODEL_CONCURRENCY);
  return {
    initial: Math.max(minimum, Math.ceil(env.BW_MODEL_CONCURRENCY / 4)),
    minimum,
    targetMs: env.BW_MODEL_TARGET_MS,
    minimumCalls: limitMinimumCalls,
  };
}

function shedSettings(env: Env) {
  return {
    initial: env.BW_SHED_MAX_REQUESTS,
    minimum: Math.min(env.BW_SHED_MIN_REQUESTS, env.BW_SHED_MAX_REQUESTS),
    maximum: env.BW_SHED_MAX_REQUESTS,
    targetMs: env.BW_SHED_LOOP_DELAY_MS,
    minimumCalls: limitMinimumCalls,
  };
}

function breakerSettings(env: Env, openMs: number, slowCallMs: number) {
  return {
    windowCalls: env.BW_BREAKER_WINDOW_CALLS,
    minimumCalls: Math.min(env.BW_BREAKER_MINIMUM_CALLS, env.BW_BREAKER_WINDOW_CALLS),
    failureShare: env.BW_BREAKER_FAILURE_SHARE,
    openMs,
    slowCallMs,
    slowCallShare: env.BW_BREAKER_SLOW_SHARE,
    probeMs: env.BW_BREAKER_PROBE_MS,
  };
}

const timeoutVariables = policyVariables.pick({
  BW_TIMEOUT: true,
  BW_DEADLINE_MS: true,
  BW_DEADLINE_MAX_MS: true,
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
  const problems = (["BW_REDIS_TIMEOUT_MS", "BW_MODEL_TIMEOUT_MS"] as const)
    .filter((name) => data[name] >= data.BW_DEADLINE_MS)
    .map((name) => `${name}="${data[name]}": must be less than BW_DEADLINE_MS, ${data.BW_DEADLINE_MS}`);
  if (data.BW_DEADLINE_MAX_MS < data.BW_DEADLINE_MS) {
    problems.push(
      `BW_DEADLINE_MAX_MS="${data.BW_DEADLINE_MAX_MS}": must be no less than BW_DEADLINE_MS, ${data.BW_DEADLINE_MS}`,
    );
  }
  return problems;
}
