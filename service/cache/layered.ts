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

/** Tiers in an order, nearest first, as one cache. */
export interface Cache<V> {
  /** Rejects only with the reason of an aborted signal. */
  read(key: string, signal: AbortSignal): Promise<Lookup<V>>;
  /**
   * Takes the entry at once: a write must never delay an answer.
   *
   * @returns resolves once each tier has it or never will; never rejects. A lease ends with it; nobody else waits
   */
  write(key: string, entry: Entry<V>): Promise<void>;
}

export interface LayeredDeps {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onWriteFailure: (tier: TierName, thrown: unknown) => void;
}

/** Reads the nearest tier first, and fills those before the one that had a fresh entry. */
export function layered<V>(tiers: readonly NamedTier<V>[], { now, onWriteFailure }: LayeredDeps): Cache<V> {
  async function write(into: readonly NamedTier<V>[], key: string, entry: Entry<V>): Promise<void> {
    const { signal } = new AbortController();
    await Promise.all(
      into.map((tier) =>
        tier.write(key, entry, signal).catch((thrown: unknown) => onWriteFailure(tier.name, thrown)),
      ),
    );
  }

  return {
    async read(key, signal) {
      const failures = new Map<TierName, unknown>();
      let found: Lookup<V>["found"];
      for (const [depth, tier] of tiers.entries()) {
        let entry: Entry<V> | undefined;
        try {
          entry = await tier.read(key, signal);
        } catch (thrown) {
          if (signal.aborted) throw thrown;
          failures.set(tier.name, thrown);
        }
        if (entry === undefined) continue;
        if (found === undefined || entry.storedAt > found.entry.storedAt) found = { entry, tier: tier.name };
        if (now() - entry.storedAt < entry.freshForMs) {
          void write(tiers.slice(0, depth), key, entry);
          break;
        }
      }
      return { found, failures };
    },
    write: (key, entry) => write(tiers, key, entry),
  };
}
