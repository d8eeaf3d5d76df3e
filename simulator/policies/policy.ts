/**
 * A cache of bounded capacity over the keys 0..keys-1.
 *
 * It holds keys only: what an answer is, how old it is and what it costs are the caller's.
 * A caller that knows of a time to live calls `remove` before `access`.
 */
export interface Cache {
  /**
   * Requests a key: true is a hit.
   * A miss admits the key and evicts what does not fit any more. A key heavier than the whole capacity
   * is not admitted, and evicts nothing.
   */
  access(key: number): boolean;
  /** Whether an `access` would hit. Changes nothing, not even the order of eviction. */
  has(key: number): boolean;
  /**
   * Drops a key, as an expiry or an invalidation would; false where it was not held.
   * What a policy remembers of keys it no longer holds (ghosts, sketches) may stay. `onEvict` is not called.
   */
  remove(key: number): boolean;
  /** The sum of the held keys' weights (their number, without weights): never over the capacity. */
  readonly size: number;
}

export interface CacheOptions {
  /** In entries, or in the unit of `weight`. A positive integer. */
  readonly capacity: number;
  /** The number of different keys that can be asked for. */
  readonly keys: number;
  /** Weight of each key, at least 1: bytes or tokens. Capacity is then in that unit. */
  readonly weight?: Uint32Array;
  /** Cost of a miss of each key, for policies that weigh it (GDSF). Absent: 1 each. */
  readonly cost?: Float64Array;
  /** 32 bits of each key's own hash, for policies that hash keys (W-TinyLFU's sketch). Absent: the key. */
  readonly hash?: Int32Array;
  /** What will be asked for (Belady alone): the i-th `access` must then be request i. */
  readonly future?: NextUse;
  /** Told of each key that was held and is evicted to make room, while `access` runs. It must not touch this cache. */
  readonly onEvict?: (key: number) => void;
}

/** For request i the number of the next request for the same key; `Infinity`'s part is played by NEVER. */
export type NextUse = Int32Array;

/** Beyond the last request: the key is not asked for again. */
export const NEVER = 0x7fff_ffff;

/** A rule of eviction. Its name is the name of its file and its key in the catalog. */
export interface Policy {
  readonly name: string;
  /** Belady throws a RangeError without `future`. */
  create(options: CacheOptions): Cache;
}
