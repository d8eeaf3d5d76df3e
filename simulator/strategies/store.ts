import { policies } from "../policies/catalog.ts";
import type { Cache, CacheOptions } from "../policies/policy.ts";
import type { TierSpec } from "./spec.ts";

/** A cache that knows which row each of its answers came from, and so how old it is. */
export interface Store {
  /** The row whose answer is held for the key and fresh; -1 where there is none. Drops an expired answer. */
  find(key: number, nowMs: number): number;
  /** Tells the rule of eviction that a held answer was served. */
  touch(key: number): void;
  /** Holds the answer of `row` for the key, if the rule of eviction admits it. */
  put(key: number, row: number): void;
  remove(key: number): void;
  /** Drops every key for which `lost` is true; all, where it is not given, and with them what the policy remembers. */
  lose(lost?: (key: number) => boolean): void;
  readonly size: number;
}

export interface StoreOptions extends Omit<CacheOptions, "capacity" | "onEvict"> {
  readonly tier: TierSpec;
  readonly ttlMs: number | undefined;
  readonly timeMs: Float64Array;
  /** Told of each key that makes room, and of the row whose answer it held. */
  readonly onEvict?: (key: number, row: number) => void;
}

export function createStore({ tier, ttlMs, timeMs, onEvict, ...options }: StoreOptions): Store {
  const policy = policies[tier.policy];
  const rowOf = new Int32Array(options.keys);
  const evicted =
    onEvict === undefined ? {} : { onEvict: (key: number) => onEvict(key, rowOf[key] as number) };
  const create = (): Cache => policy.create({ ...options, ...evicted, capacity: tier.capacity });
  let cache = create();

  return {
    find(key, nowMs) {
      if (!cache.has(key)) return -1;
      const row = rowOf[key] as number;
      if (ttlMs === undefined || nowMs - (timeMs[row] as number) <= ttlMs) return row;
      cache.remove(key);
      return -1;
    },
    touch(key) {
      cache.access(key);
    },
    put(key, row) {
      rowOf[key] = row;
      cache.access(key);
    },
    remove(key) {
      cache.remove(key);
    },
    lose(lost) {
      // Belady counts its requests from the start, so it must live on.
      if (lost === undefined && tier.policy !== "belady") {
        cache = create();
        return;
      }
      for (let key = 0; key < options.keys; key++) if (lost?.(key) ?? true) cache.remove(key);
    },
    get size() {
      return cache.size;
    },
  };
}
