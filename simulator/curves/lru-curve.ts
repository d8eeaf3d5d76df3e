import { createRecencyIndex } from "./recency-index.ts";

/** How often an LRU cache would miss, at each of several sizes. */
export interface MissCurve {
  /** Ascending, in entries or in the unit of the weights. */
  readonly sizes: Float64Array;
  /** Misses at each size, of `requests`; a fraction where they are an estimate. */
  readonly misses: Float64Array;
  /** Counted requests: all but the warm-up. */
  readonly requests: number;
  /** Half the width of the 95% interval of each miss ratio (0 to 1); absent where the curve is exact. */
  readonly error?: Float64Array;
}

export interface CurveInput {
  /** Dense keys below `keys`, in the order of time. */
  readonly requests: Uint32Array;
  readonly keys: number;
  readonly sizes: readonly number[];
  /** Weight of each key: sizes are then in its unit. */
  readonly weight?: Uint32Array;
  /** Requests before this one fill the caches, and are not counted. Default 0. */
  readonly countFrom?: number;
}

/**
 * The exact miss counts of LRU at every given size, in one pass, from stack distances (Mattson et al., 1970): a
 * request hits in all caches at least as large as all that was asked for since its key was last.
 *
 * With weights it equals a run of the LRU policy for sizes not below the heaviest key: a cache smaller
 * than that does not admit it, which no single stack can show.
 *
 * Without invalidations: a stack has no free places. Cost: O(log keys) a request.
 */
export function lruCurve(input: CurveInput): MissCurve {
  const { requests, keys, weight, countFrom = 0 } = input;
  const sizes = Float64Array.from(input.sizes).sort();
  /** Hits that need at least size i and more than size i-1; the last counts what no size would hit. */
  const needing = new Float64Array(sizes.length + 1);
  const stack = createRecencyIndex(keys);
  for (let i = 0; i < requests.length; i++) {
    const key = requests[i] as number;
    if (i >= countFrom) {
      const at = stack.has(key) ? firstAtLeast(sizes, stack.depth(key)) : sizes.length;
      needing[at] = (needing[at] as number) + 1;
    }
    stack.touch(key, weight === undefined ? 1 : (weight[key] as number));
  }
  return {
    sizes,
    misses: missesFrom(needing, sizes.length),
    requests: Math.max(0, requests.length - countFrom),
  };
}

/** The index of the first of ascending `sizes` that is not below `depth`; their number where none is. */
export function firstAtLeast(sizes: Float64Array, depth: number): number {
  let low = 0;
  let high = sizes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sizes[middle] as number) < depth) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Misses at size i: all that needs a larger size. */
export function missesFrom(needing: Float64Array, sizes: number): Float64Array {
  const misses = new Float64Array(sizes);
  let above = 0;
  for (let i = sizes; i > 0; i--) {
    above += needing[i] as number;
    misses[i - 1] = above;
  }
  return misses;
}
