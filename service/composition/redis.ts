import type { Cluster } from "ioredis";
import { redisLeases } from "../answering/redis-lease.ts";
import { answerKind } from "../cache/answer-value.ts";
import { type Damage, entryCodec } from "../cache/codec.ts";
import type { NamedTier } from "../cache/layered.ts";
import { redisTier, type ShardGuard } from "../cache/redis.ts";
import { redisClient } from "../cache/redis-client.ts";
import { isShardFailure, redisErrorClass } from "../cache/redis-errors.ts";
import { shardGuards } from "../cache/shards.ts";
import type { Entry, Tier } from "../cache/tier.ts";
import type { Config } from "../config/config.ts";
import type { Answer } from "../inference/engine.ts";
import type { Invalidations } from "../invalidation/invalidations.ts";
import { type BulkheadSettings, bulkhead } from "../resilience/bulkhead.ts";
import { guard } from "../resilience/guard.ts";
import { type Policy, wrap } from "../resilience/policy.ts";
import { timeout } from "../resilience/timeout.ts";
import { observed } from "../telemetry/observed.ts";
import { reportedBreaker } from "../telemetry/reported-breaker.ts";
import type { Telemetry } from "./telemetry.ts";

export function connect(config: Config, { onProblem }: Telemetry): Cluster {
  const client = redisClient({
    ...config.redis,
    attemptTimeoutMs: config.timeouts?.redisMs,
  });
  client.on("error", (thrown) => onProblem("redis-cluster", thrown));
  client.on("node error", (thrown, node) => onProblem("redis-node", thrown, { node }));
  return client;
}

/** One guard a shard, for all that is kept in it. */
export function guardsOfShards(
  client: Cluster,
  config: Config,
  { log, metrics }: Telemetry,
): (key: string) => ShardGuard {
  const { timeouts, bulkheads, breakers } = config;
  const reads = observed((outcome, seconds) => metrics.dependencyCall("redis-read", outcome, seconds));
  const writes = observed((outcome, seconds) => metrics.dependencyCall("redis-write", outcome, seconds));
  const leases = observed((outcome, seconds) => metrics.dependencyCall("redis-lease", outcome, seconds));
  const attempt = wrap(
    counted((thrown) => metrics.redisError(redisErrorClass(thrown))),
    ...(timeouts === undefined ? [] : [timeout(timeouts.redisMs)]),
  );

  function shardGuard(master: string): ShardGuard & { forget(): void } {
    // One breaker for all: they call the same shard.
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
      lease: around(leases, bulkheads?.redisWrites),
      forget: () => shard?.forget(),
    };
  }

  return shardGuards(client, shardGuard, (shard) => shard.forget());
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

export function answersInRedis(
  client: Cluster,
  guardOf: (key: string) => ShardGuard,
  config: Config,
  { metrics }: Telemetry,
): NamedTier<Answer> {
  const tier = answersTier(client, guardOf, config, {
    encoded: (plain, stored) => metrics.encoded("answers", plain, stored),
    damaged: (damage) => metrics.damaged("answers", damage),
  });
  return { name: "redis", ...tier };
}

/** What leases need of Redis: the leases, and to look a second time for an answer that was counted the first time. */
export function leasesInRedis(
  client: Cluster,
  guardOf: (key: string) => ShardGuard,
  config: Config,
  invalidations: Pick<Invalidations, "isCurrent"> | undefined,
) {
  const nobody = () => undefined;
  const tier = answersTier(client, guardOf, config, { encoded: nobody, damaged: nobody });
  async function look(key: string, signal: AbortSignal): Promise<Entry<Answer> | undefined> {
    const entry = await tier.read(key, signal);
    return entry === undefined || invalidations?.isCurrent(entry) === false ? undefined : entry;
  }
  return { store: redisLeases(client, guardOf), look };
}

interface TierReports {
  encoded(plainBytes: number, storedBytes: number): void;
  damaged(damage: Damage): void;
}

function answersTier(
  client: Cluster,
  guardOf: (key: string) => ShardGuard,
  { cache }: Config,
  reports: TierReports,
): Tier<Answer> {
  return redisTier({
    client,
    codec: entryCodec(
      answerKind,
      { compressFromBytes: cache.compressFromBytes, maxValueBytes: cache.maxAnswerBytes },
      reports.encoded,
    ),
    guardOf,
    staleMs: cache.staleMs,
    onDamaged: reports.damaged,
  });
}
