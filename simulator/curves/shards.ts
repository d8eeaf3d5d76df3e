import { createHeap, type Heap } from "../policies/structures/heap.ts";
import { type CurveInput, firstAtLeast, type MissCurve, missesFrom } from "./lru-curve.ts";
import { createRecencyIndex, type RecencyIndex } from "./recency-index.ts";

export interface ShardsInput extends CurveInput {
  /** Share of the keys that are looked at, 0 to 1. With `maxKeys` the share to begin with. */
  readonly rate: number;
  /** Fixed size: at most this many keys at once; the rate falls as more come. */
  readonly maxKeys?: number;
  /** Samples of other keys each, for the error bar: 2 to 10. Default 8. */
  readonly replicates?: number;
}

const DEFAULT_REPLICATES = 8;

/** 97.5% quantiles of Student's t for 1, 2, … degrees of freedom. */
const STUDENT_T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/**
 * An estimate of the LRU curve from a sample of the keys: SHARDS (Waldspurger et al., FAST 2015). Misses are
 * scaled by the rate and set against all requests, not against those of the sample: that is its correction
 * SHARDS-adj, without which a few popular keys in or out of the sample shift the whole curve.
 *
 * Each replicate samples other keys (disjoint ones, as long as there are enough). The estimate is their mean,
 * and the error bar Student's t interval of that mean. At sizes below some ten times 1/rate it is wide: so few
 * sampled keys fit there.
 *
 * @throws RangeError for a rate outside (0, 1], or fewer than 2 or more than 10 replicates
 */
export function shardsCurve(input: ShardsInput): MissCurve {
  const { rate, replicates = DEFAULT_REPLICATES } = input;
  if (!(rate > 0 && rate <= 1))
    throw new RangeError(`Cannot sample at rate "${rate}": it must be over 0 and at most 1`);
  const quantile = STUDENT_T[replicates - 2];
  if (quantile === undefined)
    throw new RangeError(`Cannot use "${replicates}" replicates: there must be 2 to 10`);
  const sizes = Float64Array.from(input.sizes).sort();
  const requests = Math.max(0, input.requests.length - (input.countFrom ?? 0));
  const samples: Float64Array[] = [];
  const disjoint = rate * replicates <= 1;
  for (let i = 0; i < replicates; i++) {
    samples.push(replicate(input, sizes, disjoint ? { seed: 0, from: i * rate } : { seed: i, from: 0 }));
  }
  const misses = new Float64Array(sizes.length);
  const error = new Float64Array(sizes.length);
  for (let i = 0; i < sizes.length; i++) {
    const values = samples.map((sample) => sample[i] as number);
    const mean = values.reduce((a, b) => a + b, 0) / replicates;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (replicates - 1);
    misses[i] = mean;
    error[i] = requests === 0 ? 0 : (quantile * Math.sqrt(variance / replicates)) / requests;
  }
  return { sizes, misses, requests, error };
}

/** Which keys a replicate samples: those whose hash (0 to 1, as a ring) is less than the rate beyond `from`. */
interface Slice {
  readonly seed: number;
  readonly from: number;
}

/** The estimated misses at each size from the keys of one slice. */
function replicate(input: ShardsInput, sizes: Float64Array, { seed, from }: Slice): Float64Array {
  const { requests, keys, weight, countFrom = 0, maxKeys = Number.POSITIVE_INFINITY } = input;
  const expected = Math.min(maxKeys, Math.ceil(keys * input.rate));
  const stack = createRecencyIndex(keys, expected);
  const sampled = Number.isFinite(maxKeys) ? createHeap(keys) : undefined;
  const needing = new Float64Array(sizes.length + 1);
  let rate = input.rate;
  for (let i = 0; i < requests.length; i++) {
    const key = requests[i] as number;
    const beyond = uniform(key, seed) - from;
    const hash = beyond < 0 ? beyond + 1 : beyond;
    if (hash >= rate) continue;
    const known = stack.has(key);
    const own = weight === undefined ? 1 : (weight[key] as number);
    if (i >= countFrom) {
      // Only the keys in between are a sample: the key itself counts as it is.
      const at = known ? firstAtLeast(sizes, own + (stack.depth(key) - own) / rate) : sizes.length;
      needing[at] = (needing[at] as number) + 1 / rate;
    }
    stack.touch(key, own);
    if (sampled === undefined || known) continue;
    sampled.set(key, -hash, 0);
    while (stack.size > maxKeys) rate = dropHighest(sampled, stack);
  }
  const counted = Math.max(0, requests.length - countFrom);
  return missesFrom(needing, sizes.length).map((misses) => Math.min(counted, misses));
}

/** Lets the sampled key with the highest hash go: its hash is the new threshold. */
function dropHighest(sampled: Heap, stack: RecencyIndex): number {
  const key = sampled.top();
  const threshold = -sampled.priorityOf(key);
  sampled.delete(key);
  stack.delete(key);
  return threshold;
}

/** A hash of a key as a number from 0 to below 1, another one for each seed. */
function uniform(key: number, seed: number): number {
  let hash = Math.imul(key + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
