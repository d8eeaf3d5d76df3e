import type { Policy } from "./policy.ts";
import { createLinks, oldest, push, unlink } from "./structures/links.ts";

const HELD = 1;
const REFERENCED = 2;

/**
 * CLOCK with one reference bit, as FIFO with reinsertion: a victim that was hit since it came is moved to
 * the newest end instead, and loses its bit.
 */
export const clock: Policy = {
  name: "clock",
  create({ capacity, keys, weight, onEvict }) {
    const state = new Uint8Array(keys);
    const links = createLinks(keys, 1);
    const ring = keys;
    let size = 0;

    function drop(key: number): void {
      unlink(links, key);
      state[key] = 0;
      size -= weight === undefined ? 1 : (weight[key] as number);
    }

    function victim(): number {
      for (;;) {
        const key = oldest(links, ring);
        if (state[key] === HELD) return key;
        state[key] = HELD;
        unlink(links, key);
        push(links, ring, key);
      }
    }

    return {
      access(key) {
        if (state[key] !== 0) {
          state[key] = REFERENCED;
          return true;
        }
        const needed = weight === undefined ? 1 : (weight[key] as number);
        if (needed > capacity) return false;
        while (size + needed > capacity) {
          const evicted = victim();
          drop(evicted);
          onEvict?.(evicted);
        }
        push(links, ring, key);
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
