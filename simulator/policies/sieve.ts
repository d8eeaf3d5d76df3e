import type { Policy } from "./policy.ts";
import { createLinks, newer, oldest, push, unlink } from "./structures/links.ts";

const HELD = 1;
const VISITED = 2;

/**
 * SIEVE (Zhang et al., NSDI 2024): a hand moves from old to new, forgives what was hit since it last
 * passed, and evicts what was not. Nothing else moves. Before the hand wraps for the first time the choice equals
 * that of LFU with ties to the older.
 */
export const sieve: Policy = {
  name: "sieve",
  create({ capacity, keys, weight, onEvict }) {
    const state = new Uint8Array(keys);
    const links = createLinks(keys, 1);
    const queue = keys;
    /** Where the next search starts; at the sentinel it starts over with the oldest. */
    let hand = queue;
    let size = 0;

    function drop(key: number): void {
      if (hand === key) hand = newer(links, key);
      unlink(links, key);
      state[key] = 0;
      size -= weight === undefined ? 1 : (weight[key] as number);
    }

    function victim(): number {
      if (hand === queue) hand = oldest(links, queue);
      while (state[hand] === VISITED) {
        state[hand] = HELD;
        hand = newer(links, hand);
        if (hand === queue) hand = oldest(links, queue);
      }
      return hand;
    }

    return {
      access(key) {
        if (state[key] !== 0) {
          state[key] = VISITED;
          return true;
        }
        const needed = weight === undefined ? 1 : (weight[key] as number);
        if (needed > capacity) return false;
        while (size + needed > capacity) {
          const evicted = victim();
          drop(evicted);
          onEvict?.(evicted);
        }
        push(links, queue, key);
        state[key] = HELD;
        size += needed;
        return false;
      },
      has: (key) => state[key] !== 0,
      remove(key) {
        if (state[key] === 0) return false;
        drop(key);
        return true;
      },
      get size() {
        return size;
      },
    };
  },
};
