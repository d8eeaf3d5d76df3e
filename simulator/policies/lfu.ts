import type { Policy } from "./policy.ts";
import { createLinks, newer, older, oldest, push, unlink } from "./structures/links.ts";

/** k different frequencies need k(k+1)/2 requests: no log that 32 bits can number has more than this. */
const MAX_FREQUENCIES = 65_536;

/**
 * Least frequently used since it was admitted; among equals the one that reached its frequency first.
 * Constant time: one list for each frequency that occurs, and a list of those lists in rising order.
 */
export const lfu: Policy = {
  name: "lfu",
  create({ capacity, keys, weight, onEvict }) {
    const maxBuckets = Math.min(keys, MAX_FREQUENCIES) + 1;
    const links = createLinks(keys, maxBuckets);
    /** Bucket of each held key, plus one; 0 is absent. */
    const bucketOf = new Int32Array(keys);
    const frequency = new Float64Array(maxBuckets);
    /** The buckets in use as a list with rising frequency from old to new. */
    const order = createLinks(maxBuckets, 1);
    const ends = maxBuckets;
    const free = new Int32Array(maxBuckets);
    let freeCount = 0;
    for (let bucket = maxBuckets - 1; bucket >= 0; bucket--) free[freeCount++] = bucket;
    let size = 0;

    function leave(key: number): void {
      const bucket = (bucketOf[key] as number) - 1;
      unlink(links, key);
      if (oldest(links, keys + bucket) !== keys + bucket) return;
      unlink(order, bucket);
      free[freeCount++] = bucket;
    }

    /** Puts a key into the bucket of frequency `wanted`, which belongs directly above bucket `below`. */
    function enter(key: number, wanted: number, below: number): void {
      let bucket = newer(order, below);
      if (bucket === ends || frequency[bucket] !== wanted) {
        bucket = free[--freeCount] as number;
        frequency[bucket] = wanted;
        insertAbove(order, below, bucket);
      }
      push(links, keys + bucket, key);
      bucketOf[key] = bucket + 1;
    }

    function drop(key: number): void {
      leave(key);
      bucketOf[key] = 0;
      size -= weight === undefined ? 1 : (weight[key] as number);
    }

    return {
      access(key) {
        const held = bucketOf[key] as number;
        if (held !== 0) {
          const bucket = held - 1;
          const wanted = (frequency[bucket] as number) + 1;
          const below = older(order, bucket);
          leave(key);
          // The bucket that it left is gone if it was the last in it.
          enter(key, wanted, newer(order, below) === bucket ? bucket : below);
          return true;
        }
        const needed = weight === undefined ? 1 : (weight[key] as number);
        if (needed > capacity) return false;
        while (size + needed > capacity) {
          const victim = oldest(links, keys + oldest(order, ends));
          drop(victim);
          onEvict?.(victim);
        }
        enter(key, 1, ends);
        size += needed;
        return false;
      },
      has: (key) => bucketOf[key] !== 0,
      remove(key) {
        if (bucketOf[key] === 0) return false;
        drop(key);
        return true;
      },
      get size() {
        return size;
      },
    };
  },
};

/** Links a node as the next newer one of `below`; below a ring's sentinel that is the oldest end. */
function insertAbove(order: Int32Array, below: number, node: number): void {
  const above = newer(order, below);
  order[2 * node] = above;
  order[2 * node + 1] = below;
  order[2 * below] = node;
  order[2 * above + 1] = node;
}
