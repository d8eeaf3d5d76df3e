import { Counter, Gauge, type Registry } from "prom-client";
import type { CacheReason } from "../cache/cacheable.ts";
import type { Damage } from "../cache/codec.ts";
import type { CacheResult, TierName, TierReadResult } from "../cache/layered.ts";
import type { MemoryTier } from "../cache/memory.ts";
import type { WriteBehind, WriteLoss } from "../cache/write-behind.ts";

/** Answers and embeddings have caches of their own, in the same tiers. */
export type CacheName = "answers" | "embeddings";
export type NotStored = "too-large" | "too-large-for-memory";

export function cacheMetrics(register: Registry) {
  const registers = [register];
  const results = new Counter({
    name: "cache_results_total",
    help: "What the cache had for a request",
    labelNames: ["result"],
    registers,
  });
  const inputs = new Counter({
    name: "embedding_inputs_total",
    help: "Inputs to embed, each by what the cache had for it",
    labelNames: ["result"],
    registers,
  });
  const rules = new Counter({
    name: "cache_rules_total",
    help: "Requests by what the caching rules say of them",
    labelNames: ["cache", "reason"],
    registers,
  });
  const reads = new Counter({
    name: "cache_tier_reads_total",
    help: "Reads of one tier by what it had; failed: it could not answer, which is not a miss",
    labelNames: ["cache", "tier", "result"],
    registers,
  });
  const notStored = new Counter({
    name: "cache_not_stored_total",
    help: "Values that were offered to the cache and not taken, by reason",
    labelNames: ["cache", "reason"],
    registers,
  });
  const damaged = new Counter({
    name: "cache_damaged_total",
    help: "Entries that could not be read back, by reason; each is a miss too",
    labelNames: ["cache", "reason"],
    registers,
  });
  const invalidated = new Counter({
    name: "cache_invalidated_total",
    help: "Entries that were read and not served, since they had been invalidated; each is a miss too",
    labelNames: ["cache", "tier"],
    registers,
  });
  const encodedBytes = new Counter({
    name: "cache_encoded_bytes_total",
    help: "Bytes of entries for Redis before (plain) and after (stored) compression: their quotient is its ratio",
    labelNames: ["cache", "form"],
    registers,
  });
  const evictions = new Counter({
    name: "cache_evictions_total",
    help: "Entries in memory that made room for others",
    labelNames: ["cache"],
    registers,
  });
  const lost = new Counter({
    name: "cache_writes_lost_total",
    help: "Entries that Redis never got, by reason",
    labelNames: ["cache", "reason"],
    registers,
  });

  const watched = new Map<string, Map<CacheName, () => number>>();
  /** A gauge that asks when it is looked at. */
  function watch(cache: CacheName, name: string, help: string, value: () => number): void {
    const known = watched.get(name);
    if (known !== undefined) {
      known.set(cache, value);
      return;
    }
    const values = new Map([[cache, value]]);
    watched.set(name, values);
    new Gauge({
      name,
      help,
      labelNames: ["cache"],
      registers,
      collect() {
        for (const [label, current] of values) this.labels(label).set(current());
      },
    });
  }

  return {
    evicted(cache: CacheName): void {
      evictions.labels(cache).inc();
    },
    writeLost(cache: CacheName, reason: WriteLoss): void {
      lost.labels(cache, reason).inc();
    },
    watchMemory(cache: CacheName, tier: Pick<MemoryTier<unknown>, "bytes" | "entries">): void {
      watch(cache, "cache_memory_bytes", "What the entries in memory take, as estimated", tier.bytes);
      watch(cache, "cache_memory_entries", "Entries in memory", tier.entries);
    },
    watchWriteBehind(cache: CacheName, queue: Pick<WriteBehind<unknown>, "waiting">): void {
      const { waiting } = queue;
      watch(cache, "cache_write_behind_entries", "Entries that wait to be written", () => waiting().entries);
      watch(cache, "cache_write_behind_bytes", "Their size in memory", () => waiting().bytes);
    },
    damaged(cache: CacheName, reason: Damage): void {
      damaged.labels(cache, reason).inc();
    },
    invalidated(cache: CacheName, tier: TierName): void {
      invalidated.labels(cache, tier).inc();
    },
    encoded(cache: CacheName, plainBytes: number, storedBytes: number): void {
      encodedBytes.labels(cache, "plain").inc(plainBytes);
      encodedBytes.labels(cache, "stored").inc(storedBytes);
    },
    cacheResult(result: CacheResult): void {
      results.labels(result).inc();
    },
    embeddingInput(result: CacheResult): void {
      inputs.labels(result).inc();
    },
    cacheRule(cache: CacheName, reason: CacheReason): void {
      rules.labels(cache, reason).inc();
    },
    tierRead(cache: CacheName, tier: TierName, result: TierReadResult): void {
      reads.labels(cache, tier, result).inc();
    },
    notStored(cache: CacheName, reason: NotStored): void {
      notStored.labels(cache, reason).inc();
    },
  };
}
