import { evictionPolicies } from "../cache/eviction/policies.ts";
import { type Cache, layered, type NamedTier } from "../cache/layered.ts";
import { entryHeapBytes, memoryTier } from "../cache/memory.ts";
import type { ValueKind } from "../cache/value-kind.ts";
import { writeBehind } from "../cache/write-behind.ts";
import type { Config } from "../config/config.ts";
import { currentTiers } from "../invalidation/current-tiers.ts";
import type { Invalidations } from "../invalidation/invalidations.ts";
import type { CacheName } from "../telemetry/cache-metrics.ts";
import { entriesInRedis, type Shards } from "./redis.ts";
import type { Telemetry } from "./telemetry.ts";

/** What all caches of the service share. */
export interface TiersDeps {
  readonly config: Config;
  readonly telemetry: Telemetry;
  /** undefined: no tier in Redis. */
  readonly redis: Shards | undefined;
  /** undefined: what is stored is served until it expires. */
  readonly invalidations: Pick<Invalidations, "isCurrent" | "isCurrentHere"> | undefined;
}

export interface TierSettings {
  /** Of this process's memory. */
  readonly memoryBytes: number;
  readonly maxValueBytes: number;
  readonly compressFromBytes: number;
}

export interface TiersPart<V> {
  /** undefined: there is no tier. */
  readonly cache: Cache<V> | undefined;
  /** Writes what still waits to be written, within its time. */
  stop(): Promise<void>;
}

/** The tiers of one cache, nearest first: this process's memory, then Redis, written through or behind. */
export function tiersOf<V>(
  name: CacheName,
  kind: ValueKind<V>,
  settings: TierSettings,
  { config, telemetry, redis, invalidations }: TiersDeps,
): TiersPart<V> {
  const { metrics, onProblem } = telemetry;
  const { l1, staleMs, writes } = config.cache;
  const tiers: NamedTier<V>[] = [];
  let stop = async (): Promise<void> => undefined;

  if (l1 !== undefined && settings.memoryBytes > 0) {
    const memory = memoryTier({
      kind,
      createMap: evictionPolicies[l1.policy],
      maxBytes: settings.memoryBytes,
      staleMs,
      now: Date.now,
      onEvicted: () => metrics.evicted(name),
      onTooLarge: () => metrics.notStored(name, "too-large-for-memory"),
    });
    metrics.watchMemory(name, memory);
    tiers.push(memory);
  }

  if (redis !== undefined) {
    const tier = entriesInRedis(
      kind,
      redis,
      { ...settings, staleMs },
      {
        encoded: (plain, packed) => metrics.encoded(name, plain, packed),
        damaged: (damage) => metrics.damaged(name, damage),
      },
    );
    const stored: NamedTier<V> = { name: "redis", ...tier };
    if (writes.behind === undefined) {
      tiers.push(stored);
    } else {
      const { drainMs, ...limits } = writes.behind;
      const queue = writeBehind(stored, {
        ...limits,
        bytesOf: (key, entry) => entryHeapBytes(key, entry, kind),
        onLost: (why) => metrics.writeLost(name, why),
      });
      metrics.watchWriteBehind(name, queue);
      tiers.push(queue);
      stop = () => queue.stop(drainMs);
    }
  }

  const current = currentTiers(tiers, invalidations, (tier) => metrics.invalidated(name, tier));
  const cache = layered(current, {
    now: Date.now,
    writesThrough: writes.behind === undefined,
    bytesOf: kind.storedBytes,
    maxValueBytes: settings.maxValueBytes,
    onRead: (tier, result) => metrics.tierRead(name, tier, result),
    onTooLarge: () => metrics.notStored(name, "too-large"),
    onWriteFailure(tier, thrown) {
      if (writes.behind === undefined) metrics.writeLost(name, "failed");
      onProblem(`${tier}-write`, thrown);
    },
  });
  return { cache: tiers.length > 0 ? cache : undefined, stop };
}
