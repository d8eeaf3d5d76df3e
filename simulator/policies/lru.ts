import type { Policy } from "./policy.ts";
import { createLinks, newer, oldest, push, unlink } from "./structures/links.ts";

/** In place of its neighbour: the key is not held. The one look at the links that tells it is needed anyway. */
const NOT_HELD = -1;

/** Least recently used. */
export const lru: Policy = {
  name: "lru",
  create({ capacity, keys, weight, onEvict }) {
    const links = createLinks(keys, 1).fill(NOT_HELD, 0, 2 * keys);
    const stack = keys;
    let size = 0;

    const isHeld = (key: number): boolean => newer(links, key) !== NOT_HELD;

    function drop(key: number): void {
      unlink(links, key);
      links[2 * key] = NOT_HELD;
      size -= weight === undefined ? 1 : (weight[key] as number);
    }

    return {
      access(key) {
        if (isHeld(key)) {
          unlink(links, key);
          push(links, stack, key);
          return true;
        }
        const needed = weight === undefined ? 1 : (weight[key] as number);
        if (needed > capacity) return false;
        while (size + needed > capacity) {
          const victim = oldest(links, stack);
          drop(victim);
          onEvict?.(victim);
        }
        push(links, stack, key);
        size += needed;
        return false;
      },
      has: isHeld,
      remove(key) {
        if (!isHeld(key)) return false;
        drop(key);
        return true;
      },
      get size() {
        return size;
      },
    };
  },
};
