import type { Cluster } from "ioredis";
import type { Policy } from "../resilience/policy.ts";
import type { Damage, EntryCodec } from "./codec.ts";
import type { Tier } from "./tier.ts";

/** What guards one shard. Each kind of command has places of its own: slow writes cannot take the reads'. */
export interface ShardGuard {
  readonly read: Policy;
  readonly write: Policy;
  readonly lease: Policy;
}

export interface RedisTierDeps<V> {
  readonly client: Cluster;
  readonly codec: EntryCodec<V>;
  readonly guardOf: (key: string) => ShardGuard;
  /** How long after it is no longer fresh Redis keeps an entry. */
  readonly staleMs: number;
  /** Told of each entry that could not be read back. */
  readonly onDamaged: (damage: Damage) => void;
}

/** Entries in Redis Cluster, under their exact key. */
export function redisTier<V>({ client, codec, guardOf, staleMs, onDamaged }: RedisTierDeps<V>): Tier<V> {
  return {
    async read(key, signal) {
      const bytes = await guardOf(key).read(() => client.getBuffer(key))(signal);
      if (bytes === null) return undefined;
      const decoded = codec.decode(bytes);
      if ("entry" in decoded) return decoded.entry;
      onDamaged(decoded.damage);
      return undefined;
    },
    async write(key, entry, signal) {
      // Outside of the guard: what encoding costs, and why it fails, says nothing of the shard.
      const bytes = codec.encode(entry);
      await guardOf(key).write(() => client.set(key, bytes, "PX", Math.ceil(entry.freshForMs + staleMs)))(
        signal,
      );
    },
  };
}
