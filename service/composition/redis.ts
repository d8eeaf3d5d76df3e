import type { Cluster } from "ioredis";
import { redisLeases } from "../answering/redis-lease.ts";
import { answerKind } from "../cache/answer-value.ts";
import { type CodecSettings, type Damage, entryCodec } from "../cache/codec.ts";
import { redisTier, type ShardGuard } from "../cache/redis.ts";
import { redisClient } from "../cache/redis-client.ts";
import { isShardFailure, redisErrorClass } from "../cache/redis-errors.ts";
import { shardGuards } from "../cache/shards.ts";
import type { Entry, Tier } from "../cache/tier.ts";
import type { ValueKind } from "../cache/value-kind.ts";
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
  client: Pick<Cluster, "slots">,
  config: Config,
  { log, metrics }: Telemetry,
): (key: string) => ShardGuard {
  const { timeouts, bulkheads, breakers } = config;
  const reads = observed("redis-read", metrics.dependencyCall);
  const writes = observed("redis-write", metrics.dependencyCall);
  const leases = observed("redis-lease", metrics.dependencyCall);
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

/** Redis, as what is kept in it sees it. */
export interface Shards {
  readonly client: Cluster;
  readonly guardOf: (key: string) => ShardGuard;
}

export interface StoringReports {
  encoded(plainBytes: number, storedBytes: number): void;
  damaged(damage: Damage): void;
}

/** Entries of one kind in Redis. */
export function entriesInRedis<V>(
  kind: ValueKind<V>,
  { client, guardOf }: Shards,
  settings: CodecSettings & { readonly staleMs: number },
  { encoded, damaged }: StoringReports,
): Tier<V> {
  const codec = entryCodec(kind, settings, encoded);
  return redisTier({ client, codec, guardOf, staleMs: settings.staleMs, onDamaged: damaged });
}

/** What leases need of Redis: the leases, and to look a second time for an answer that was counted the first time. */
export function leasesInRedis(
  shards: Shards,
  { cache }: Config,
  invalidations: Pick<Invalidations, "isCurrent"> | undefined,
) {
  const nobody = () => undefined;
  const tier = entriesInRedis(answerKind, shards, cache, { encoded: nobody, damaged: nobody });
  async function look(key: string, signal: AbortSignal): Promise<Entry<Answer> | undefined> {
    const entry = await tier.read(key, signal);
    return entry === undefined || invalidations?.isCurrent(entry) === false ? undefined : entry;
  }
  return { store: redisLeases(shards.client, shards.guardOf), look };
}
