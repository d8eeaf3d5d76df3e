import type { Policy } from "./policy.ts";
import { createLinks, oldest, push, unlink } from "./structures/links.ts";

const PROBATION = 1;
const PROTECTED = 2;

/**
 * Segmented LRU of two segments: a key that is hit moves to the protected one, whose overflow goes back to
 * the newest end of probation. Victims come from probation.
 */
export function createSlru(name: string, protectedShare: number): Policy {
  return {
    name,
    create({ capacity, keys, weight, onEvict }) {
      const segment = new Uint8Array(keys);
      const links = createLinks(keys, 2);
      const probation = keys;
      const shielded = keys + 1;
      const maxProtected = Math.floor(capacity * protectedShare);
      let size = 0;
      let protectedSize = 0;

      function drop(key: number): void {
        const freed = weight === undefined ? 1 : (weight[key] as number);
        unlink(links, key);
        if (segment[key] === PROTECTED) protectedSize -= freed;
        segment[key] = 0;
        size -= freed;
      }

      function demoteOverflow(): void {
        while (protectedSize > maxProtected) {
          const key = oldest(links, shielded);
          unlink(links, key);
          push(links, probation, key);
          segment[key] = PROBATION;
          protectedSize -= weight === undefined ? 1 : (weight[key] as number);
        }
      }

      return {
        access(key) {
          const where = segment[key];
          if (where !== 0) {
            unlink(links, key);
            push(links, shielded, key);
            if (where === PROBATION) {
              segment[key] = PROTECTED;
              protectedSize += weight === undefined ? 1 : (weight[key] as number);
              demoteOverflow();
            }
            return true;
          }
          const needed = weight === undefined ? 1 : (weight[key] as number);
          if (needed > capacity) return false;
          while (size + needed > capacity) {
            const first = oldest(links, probation);
            const victim = first === probation ? oldest(links, shielded) : first;
            drop(victim);
            onEvict?.(victim);
          }
          push(links, probation, key);
          segment[key] = PROBATION;
          size += needed;
          return false;
        },
        has: (key) => segment[key] !== 0,
        remove(key) {
          if (segment[key] === 0) return false;
          drop(key);
          return true;
        },
        get size() {
          return size;
        },
      };
    },
  };
}

/** Segmented LRU with 80% of the capacity protected. */
export const slru: Policy = createSlru("slru", 0.8);
