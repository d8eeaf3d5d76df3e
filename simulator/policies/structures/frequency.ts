const MAX_COUNT = 15;
/** Counters of each row for each slot of the table: 16 a slot over four rows. */
const PER_SLOT = 4;
const ROWS = 4;

/** How often keys were asked for lately. */
export interface FrequencySketch {
  record(key: number): void;
  /** 0 to 15; too high where keys collide. */
  frequency(key: number): number;
}

/**
 * The history of TinyLFU: a count-min sketch of 4-bit counts, four rows, a slot (16 counters) for each entry of
 * the cache, rounded up to a power of two. All counts are halved after ten times as many additions as slots.
 *
 * Which keys collide decides ties, and moves a small cache's misses by a point and more. So the counters of a key are
 * those that CountMin4 of Caffeine's simulator (ccef955) has for it: the same hash of the same number.
 *
 * @param entries the number of entries that the cache is expected to hold
 * @param hashOf 32 bits of each key's own hash; absent: the key itself
 */
export function createFrequencySketch(entries: number, hashOf?: Int32Array): FrequencySketch {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(1, entries)));
  const width = slots * PER_SLOT;
  const counts = new Uint8Array(width * ROWS);
  const sampleSize = 10 * slots;
  let additions = 0;

  function spreadOf(key: number): number {
    return spread(hashOf === undefined ? key : (hashOf[key] as number));
  }

  function at(row: number, hash: number): number {
    return row * width + (rehash(hash, row) & (slots - 1)) * PER_SLOT + (hash & (PER_SLOT - 1));
  }

  function halve(): void {
    let odd = 0;
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i] as number;
      odd += count & 1;
      counts[i] = count >> 1;
    }
    additions = (additions - (odd >> 2)) >> 1;
  }

  return {
    record(key) {
      const hash = spreadOf(key);
      let added = false;
      for (let row = 0; row < ROWS; row++) {
        const i = at(row, hash);
        const count = counts[i] as number;
        if (count === MAX_COUNT) continue;
        counts[i] = count + 1;
        added = true;
      }
      if (added && ++additions === sampleSize) halve();
    },
    frequency(key) {
      const hash = spreadOf(key);
      let least = MAX_COUNT;
      for (let row = 0; row < ROWS; row++) {
        const count = counts[at(row, hash)] as number;
        if (count < least) least = count;
      }
      return least;
    },
  };
}

/** Dense ids, and the numbers of blocks, differ in their low bits alone. */
function spread(key: number): number {
  let hash = Math.imul((key >>> 16) ^ key, 0x45d9f3b);
  hash = Math.imul((hash >>> 16) ^ hash, 0x45d9f3b);
  return (hash >>> 16) ^ hash;
}

/** A 64-bit multiplier for each row, in halves: seeds of CityHash, MurmurHash3 and FNV-1a. */
const SEED_HIGH = Int32Array.of(0xc3a5c85c, 0xb492b66f, 0x9ae16a3b, 0xcbf29ce4);
const SEED_LOW = Int32Array.of(0x97cb3127, 0xbe98f273, 0x2f90404f, 0x84222325);

/** (hash + seed) × seed modulo 2^64, its halves added. */
function rehash(hash: number, row: number): number {
  const seedLow = SEED_LOW[row] as number;
  const seedHigh = SEED_HIGH[row] as number;
  const low = (seedLow + hash) | 0;
  const carry = low >>> 0 < seedLow >>> 0 ? 1 : 0;
  const high = (seedHigh + (hash >> 31) + carry) | 0;
  const upper = upperHalf(low, seedLow) + Math.imul(high, seedLow) + Math.imul(low, seedHigh);
  return (Math.imul(low, seedLow) + upper) | 0;
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers, by halves of 16 bits. */
function upperHalf(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + (Math.imul(aLow, bLow) >>> 16);
  const carried = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carried / 0x10000);
}
