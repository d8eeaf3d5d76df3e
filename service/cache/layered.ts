import type { Entry, Tier } from "./tier.ts";

export type TierName = "memory" | "redis";

export interface NamedTier<V> extends Tier<V> {
  readonly name: TierName;
}

/** What the tiers had for a key. */
export interface Lookup<V> {
  /** The first fresh entry, else the newest of the others. */
  readonly found: { readonly entry: Entry<V>; readonly tier: TierName } | undefined;
  /** How each tier that was asked and could not answer failed: without it, nothing found is a miss. */
  readonly failures: ReadonlyMap<TierName, unknown>;
}

/** Whether an entry may serve who asks. Each tier is asked for one that may: another one in a nearer tier hides none. */
export type Accepts<V> = (entry: Entry<V>) => boolean;

/** Tiers in an order, nearest first, as one cache. */
export interface Cache<V> {
  /** Rejects only with the reason of an aborted signal. */
  read(key: string, signal: AbortSignal, accepts?: Accepts<V>): Promise<Lookup<V>>;
  /** A fresh entry that the nearest tier has and can give at once; undefined: read() tells. */
  readNow(key: string, accepts?: Accepts<V>): Lookup<V> | undefined;
  /**
   * Takes the entry at once.
   *
   * @returns resolves once each tier has it or never will; never rejects. A lease ends with it; an answer waits for
   * it only where `writesThrough` is true
   */
  write(key: string, entry: Entry<V>): Promise<void>;
  /** Whether an answer goes out only when it is written, so that whoever asks any replica next has it. */
  readonly writesThrough: boolean;
}

const all = () => true;

const noFailures: ReadonlyMap<TierName, unknown> = new Map();

/** What the cache had for a request, or for one input of it. bypass: it was not asked, or could not be. */
export type CacheResult = "hit" | "stale" | "miss" | "bypass";

export type TierReadResult = "fresh" | "stale" | "miss" | "failed";

export interface LayeredDeps<V> {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly writesThrough: boolean;
  /** What a value counts as against `maxValueBytes`. */
  readonly bytesOf: (value: V) => number;
  /** A larger value is not stored anywhere. */
  readonly maxValueBytes: number;
  readonly onRead: (tier: TierName, result: TierReadResult) => void;
  readonly onTooLarge: () => void;
  readonly onWriteFailure: (tier: TierName, thrown: unknown) => void;
}

/**
 * Reads the nearest tier first, and fills those before the one that had a fresh entry.
 *
 * A tier that is down is not a miss: the next one is asked, and the failure is told.
 */
export function layered<V>(tiers: readonly NamedTier<V>[], deps: LayeredDeps<V>): Cache<V> {
  const { now, onRead, onWriteFailure } = deps;
  const never = new AbortController().signal;

  /** Resolves however it ends. */
  async function writeTo(tier: NamedTier<V>, key: string, entry: Entry<V>): Promise<void> {
    try {
      await tier.write(key, entry, never);
    } catch (thrown) {
      onWriteFailure(tier.name, thrown);
    }
  }

  /** Not over what was made meanwhile: a read that took long would bring back what a newer answer had replaced. */
  function fill(nearer: NamedTier<V>, key: string, entry: Entry<V>, accepts: Accepts<V>): void {
    const held = nearer.readNow?.(key);
    const isNewer = held !== undefined && held.storedAt > entry.storedAt && accepts(held);
    if (!isNewer) void writeTo(nearer, key, entry);
  }

  async function readFrom(
    tier: NamedTier<V>,
    key: string,
    signal: AbortSignal,
    accepts: Accepts<V>,
  ): Promise<Entry<V> | undefined> {
    try {
      const stored = await tier.read(key, signal);
      const entry = stored !== undefined && accepts(stored) ? stored : undefined;
      onRead(tier.name, entry === undefined ? "miss" : isFresh(entry) ? "fresh" : "stale");
      return entry;
    } catch (thrown) {
      if (!signal.aborted) onRead(tier.name, "failed");
      throw thrown;
    }
  }

  function isFresh(entry: Entry<V>): boolean {
    return now() - entry.storedAt < entry.freshForMs;
  }

  const [nearest] = tiers;

  return {
    readNow(key, accepts = all) {
      const entry = nearest?.readNow?.(key);
      if (nearest === undefined || entry === undefined || !isFresh(entry) || !accepts(entry))
        return undefined;
      onRead(nearest.name, "fresh");
      return { found: { entry, tier: nearest.name }, failures: noFailures };
    },
    async read(key, signal, accepts = all) {
      const failures = new Map<TierName, unknown>();
      let found: Lookup<V>["found"];
      for (const [depth, tier] of tiers.entries()) {
        let entry: Entry<V> | undefined;
        try {
          entry = await readFrom(tier, key, signal, accepts);
        } catch (thrown) {
          if (signal.aborted) throw thrown;
          failures.set(tier.name, thrown);
        }
        if (entry === undefined) continue;
        if (found === undefined || entry.storedAt > found.entry.storedAt) found = { entry, tier: tier.name };
        if (isFresh(entry)) {
          for (const nearer of tiers.slice(0, depth)) fill(nearer, key, entry, accepts);
          break;
        }
      }
      return { found, failures };
    },
    async write(key, entry) {
      if (deps.bytesOf(entry.value) > deps.maxValueBytes) return deps.onTooLarge();
      await Promise.all(tiers.map((tier) => writeTo(tier, key, entry)));
    },
    writesThrough: deps.writesThrough,
  };
}
