import type { Policy } from "./policy.ts";
import { createHeap } from "./structures/heap.ts";

/**
 * Greedy-Dual Size Frequency (Cherkasova, HP Labs TR-98-69): a key is worth frequency × cost / weight plus the
 * worth of the last victim, so that what is no longer asked for ages. Ties go to the least recently used.
 */
export const gdsf: Policy = {
  name: "gdsf",
  create({ capacity, keys, weight, cost, onEvict }) {
    const heap = createHeap(keys);
    const frequency = new Int32Array(keys);
    /** In an array, since a fraction in a variable would be allocated anew at each change. */
    const age = new Float64Array(1);
    let size = 0;
    let clock = 0;

    const weigh = (key: number): number => (weight === undefined ? 1 : (weight[key] as number));

    function drop(key: number): void {
      heap.delete(key);
      size -= weigh(key);
    }

    function value(key: number): void {
      const each = cost === undefined ? 1 : (cost[key] as number);
      heap.set(key, (age[0] as number) + ((frequency[key] as number) * each) / weigh(key), clock++);
    }

    return {
      access(key) {
        if (heap.has(key)) {
          frequency[key] = (frequency[key] as number) + 1;
          value(key);
          return true;
        }
        const needed = weigh(key);
        if (needed > capacity) return false;
        while (size + needed > capacity) {
          const victim = heap.top();
          age[0] = heap.priorityOf(victim);
          drop(victim);
          onEvict?.(victim);
        }
        frequency[key] = 1;
        value(key);
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
