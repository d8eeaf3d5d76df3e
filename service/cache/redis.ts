import type { Cluster } from "ioredis";
import type { Policy } from "../resilience/policy.ts";
import { decode, encode } from "./codec.ts";
import type { Tier } from "./tier.ts";

/** What guards one shard. Reads and writes are apart, so that slow writes cannot take the reads' places. */
export interface ShardGuard {
  readonly read: Policy;
  readonly write: Policy;
}

export interface RedisTierDeps {
  readonly client: Cluster;
  readonly guardOf: (key: string) => ShardGuard;
  /** How long Redis keeps an entry. */
  readonly keepMs: number;
  /** Told of each entry that could not be read back. */
  readonly onDamaged: () => void;
}

/** Answers in Redis Cluster, under their exact key. */
export function redisTier({ client, guardOf, keepMs, onDamaged }: RedisTierDeps): Tier {
  return {
    async read(key, signal) {
      const bytes = await guardOf(key).read(() => client.getBuffer(key))(signal);
      if (bytes === null) return undefined;
      const entry = decode(bytes);
      if (entry === undefined) onDamaged();
      return entry;
    },
    async write(key, entry, signal) {
      await guardOf(key).write(() => client.set(key, encode(entry), "PX", keepMs))(signal);
    },
  };
}
