import type { Policy } from "./policy.ts";
import { createHeap } from "./structures/heap.ts";

/**
 * Belady's MIN: evicts what is asked for again last. No cache that must admit what it missed does better, with
 * entries of equal weight; with weights it is no bound, only hard to beat.
 */
export const belady: Policy = {
  name: "belady",
  create({ capacity, keys, weight, future, onEvict }) {
    if (future === undefined)
      throw new RangeError('Cannot create a "belady" cache: it needs to know the future');
    const heap = createHeap(keys);
    let size = 0;
    let request = 0;

    const weigh = (key: number): number => (weight === undefined ? 1 : (weight[key] as number));

    function drop(key: number): void {
      heap.delete(key);
      size -= weigh(key);
    }

    return {
      access(key) {
        const next = future[request++] as number;
        if (heap.has(key)) {
          heap.set(key, -next, 0);
          return true;
        }
        const needed = weigh(key);
        if (needed > capacity) return false;
        while (size + needed > capacity) {
          const victim = heap.top();
          drop(victim);
          onEvict?.(victim);
        }
        heap.set(key, -next, 0);
        size += needed;
        return false;
      },
      has: (key) => heap.has(key),
      remove(key) {
        if (!heap.has(key)) return false;
        drop(key);
        return true;
      },
      get size() {
        return size;
      },
    };
  },
};
