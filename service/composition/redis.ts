import type { Cluster } from "ioredis";
import { answerKind } from "../cache/answer-value.ts";
import { entryCodec } from "../cache/codec.ts";
import type { NamedTier } from "../cache/layered.ts";
import { redisTier, type ShardGuard } from "../cache/redis.ts";
import { redisClient } from "../cache/redis-client.ts";
import { isShardFailure, redisErrorClass } from "../cache/redis-errors.ts";
import { shardGuards } from "../cache/shards.ts";
import type { Config } from "../config/config.ts";
import type { Answer } from "../inference/engine.ts";
import { type BulkheadSettings, bulkhead } from "../resilience/bulkhead.ts";
import { guard } from "../resilience/guard.ts";
import { type Policy, wrap } from "../resilience/policy.ts";
import { timeout } from "../resilience/timeout.ts";
import { observed } from "../telemetry/observed.ts";
import { reportedBreaker } from "../telemetry/reported-breaker.ts";
import type { Telemetry } from "./telemetry.ts";

export function connect(config: Config, { onProblem }: Telemetry): Cluster {
  const client = redisClient({
    nodes: config.redisNodes,
    attemptTimeoutMs: config.timeouts?.redisMs,
    maxUnanswered: config.redisMaxUnanswered,
  });
  client.on("error", (thrown) => onProblem("redis-cluster", thrown));
  client.on("node error", (thrown, node) => onProblem("redis-node", thrown, { node }));
  return client;
}

export function answersInRedis(
  client: Cluster,
  config: Config,
  { log, metrics }: Telemetry,
): NamedTier<Answer> {
  const { timeouts, bulkheads, breakers, cache } = config;
  const reads = observed((outcome, seconds) => metrics.dependencyCall("redis-read", outcome, seconds));
  const writes = observed((outcome, seconds) => metrics.dependencyCall("redis-write", outcome, seconds));
  const attempt = wrap(
    counted((thrown) => metrics.redisError(redisErrorClass(thrown))),
    ...(timeouts === undefined ? [] : [timeout(timeouts.redisMs)]),
  );

  function shardGuard(master: string): ShardGuard & { forget(): void } {
    // One breaker for both: they call the same shard.
    const shard =
      breakers && reportedBreaker(`redis/${master}`, breakers.redis, isShardFailure, log, metrics);
    // No retries: a read that failed is answered by the model, and ioredis follows the cluster's redirections itself.
    const around = (calls: Policy, places: BulkheadSettings | undefined): Policy =>
      guard({
        observed: calls,
        bulkhead: places && bulkhead(places).policy,
        breaker: shard?.policy,
        timeout: attempt,
      });
    return {
      read: around(reads, bulkheads?.redisReads),
      write: around(writes, bulkheads?.redisWrites),
      forget: () => shard?.forget(),
    };
  }

  const tier = redisTier({
    client,
    codec: entryCodec(
      answerKind,
      { compressFromBytes: cache.compressFromBytes, maxValueBytes: cache.maxAnswerBytes },
      (plain, stored) => metrics.encoded("answers", plain, stored),
    ),
    guardOf: shardGuards(client, shardGuard, (shard) => shard.forget()),
    staleMs: cache.staleMs,
    onDamaged: (damage) => metrics.damaged("answers", damage),
  });
  return { name: "redis", ...tier };
}

/** Tells of each error of a caller who is still there. */
function counted(record: (thrown: unknown) => void): Policy {
  return (call) => async (signal) => {
    try {
      return await call(signal);
    } catch (thrown) {
      if (!signal.aborted) record(thrown);
      throw thrown;
    }
  };
}
