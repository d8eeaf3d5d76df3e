import type { BoundedMap, CreateBoundedMap } from "./eviction/bounded-map.ts";
import type { NamedTier } from "./layered.ts";
import type { Entry } from "./tier.ts";
import { textHeapBytes, type ValueKind } from "./value-kind.ts";

/**
 * What an entry takes beside its texts and its value: the entry with its boxed numbers and its list, and the
 * policy's node and map slot. Measured as the growth of the heap over 20,000 entries with Node 24: 250 bytes with
 * lru and sieve, 315 with s3-fifo. memory.test.ts holds the whole estimate to the heap.
 */
const entryOverheadBytes = 320;
/** The same for a key that is only remembered, with the key's own text. */
const ghostBytes = 256;

/** Of the whole: a larger entry would push out too many others for one, and is not taken. */
const maxEntryShare = 1 / 16;

export interface MemoryTierDeps<V> {
  readonly kind: ValueKind<V>;
  readonly createMap: CreateBoundedMap;
  /** Of heap, as estimated, for entries and what they are kept in. */
  readonly maxBytes: number;
  /** How long after it is no longer fresh an entry is kept. */
  readonly staleMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onEvicted: () => void;
  readonly onTooLarge: () => void;
}

export interface MemoryTier<V> extends NamedTier<V> {
  /** As estimated. */
  bytes(): number;
  entries(): number;
}

/**
 * Entries in this process's memory, in no more than `maxBytes` of it.
 *
 * An entry is a value: what goes in is copied and frozen, so that nobody changes what another is given. The policy
 * chooses what makes room; an entry that is too old even as a fallback goes when it is next asked for.
 */
export function memoryTier<V>(deps: MemoryTierDeps<V>): MemoryTier<V> {
  const { kind, maxBytes, staleMs, now, onEvicted, onTooLarge } = deps;
  const map: BoundedMap<Entry<V>> = deps.createMap({
    maxWeight: maxBytes,
    ghostWeight: ghostBytes,
    onEvicted,
  });

  function readNow(key: string): Entry<V> | undefined {
    const entry = map.get(key);
    if (entry === undefined || now() - entry.storedAt < entry.freshForMs + staleMs) return entry;
    map.delete(key);
    return undefined;
  }

  return {
    name: "memory",
    readNow,
    read: async (key) => readNow(key),
    async write(key, entry) {
      const bytes = entryHeapBytes(key, entry, kind);
      if (bytes > maxBytes * maxEntryShare) {
        // What is there under this key is older than what cannot be kept.
        map.delete(key);
        onTooLarge();
        return;
      }
      map.set(key, frozen(entry, kind), bytes);
    },
    bytes: () => map.weight,
    entries: () => map.size,
  };
}

/** About how many bytes of heap an entry takes, with its key, its scopes and what it is kept in. */
export function entryHeapBytes<V>(key: string, { value, scopes }: Entry<V>, kind: ValueKind<V>): number {
  const texts = scopes.reduce((sum, scope) => sum + 8 + textHeapBytes(scope), textHeapBytes(key));
  return entryOverheadBytes + texts + kind.heapBytes(value);
}

function frozen<V>(entry: Entry<V>, kind: ValueKind<V>): Entry<V> {
  return Object.freeze({
    ...entry,
    value: kind.frozen(entry.value),
    scopes: Object.freeze([...entry.scopes]),
  });
}
