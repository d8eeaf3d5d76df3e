/** Numbers from 0 (included) to 1 (excluded). */
export type Random = () => number;

/**
 * The same numbers for the same seed, on every machine: mulberry32 by Tommy Ettinger (public domain), 32 bits of
 * state. Made for draws, not for secrets. Seeds count modulo 2^32.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws `count` different whole numbers below `below`, in ascending order; each set of them is equally likely. */
export function drawRanks(count: number, below: number, random: Random): readonly number[] {
  const ranks = Array.from({ length: below }, (_, rank) => rank);
  const drawn = Array.from({ length: Math.min(count, below) }, () =>
    ranks.splice(Math.floor(random() * ranks.length), 1),
  );
  return drawn.flat().toSorted((a, b) => a - b);
}
