import type { Policy } from "./policy.ts";
import { createLinks, oldest, push, unlink } from "./structures/links.ts";

/** First in, first out: a hit changes nothing. */
export const fifo: Policy = {
  name: "fifo",
  create({ capacity, keys, weight, onEvict }) {
    const held = new Uint8Array(keys);
    const links = createLinks(keys, 1);
    const queue = keys;
    let size = 0;

    function drop(key: number): void {
      unlink(links, key);
      held[key] = 0;
      size -= weight === undefined ? 1 : (weight[key] as number);
    }

    return {
      access(key) {
        if (held[key] === 1) return true;
        const needed = weight === undefined ? 1 : (weight[key] as number);
        if (needed > capacity) return false;
        while (size + needed > capacity) {
          const victim = oldest(links, queue);
          drop(victim);
          onEvict?.(victim);
        }
        push(links, queue, key);
        held[key] = 1;
        size += needed;
        return false;
      },
      has: (key) => held[key] === 1,
      remove(key) {
        if (held[key] !== 1) return false;
        drop(key);
        return true;
      },
      get size() {
        return size;
      },
    };
  },
};
