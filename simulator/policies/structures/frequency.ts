const MAX_COUNT = 15;
/** Counters of each row for each slot of the table: 16 a slot over four rows, as in Caffeine. */
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
 * @param entries the number of entries that the cache is expected to hold
 */
export function createFrequencySketch(entries: number): FrequencySketch {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(1, entries)));
  const width = slots * PER_SLOT;
  const counts = new Uint8Array(width * ROWS);
  const sampleSize = 10 * slots;
  let additions = 0;

  function at(row: number, hash: number): number {
    return row * width + (rehash(hash, row) & (width - 1));
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
      const hash = spread(key);
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
      const hash = spread(key);
      let least = MAX_COUNT;
      for (let row = 0; row < ROWS; row++) {
        const count = counts[at(row, hash)] as number;
        if (count < least) least = count;
      }
      return least;
    },
  };
}

/** Shifts which keys collide. At a hundred entries another value moves counts of misses by a point and more. */
const SEED = 123_456_789;

/** The finaliser of MurmurHash3: dense ids differ in their low bits alone. */
function spread(key: number): number {
  let hash = key + SEED;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function rehash(hash: number, row: number): number {
  const mixed = Math.imul(hash + Math.imul(row + 1, 0x9e3779b9), 0x45d9f3b);
  return mixed ^ (mixed >>> 15);
}
