import type { Policy } from "./policy.ts";
import { createLinks, oldest, push, unlink } from "./structures/links.ts";

const IN = 1;
const MAIN = 2;
/** Remembered, not held. */
const OUT = 3;

const IN_SHARE = 0.25;
const OUT_SHARE = 0.5;

/**
 * 2Q, full version (Johnson and Shasha, VLDB 1994): new keys wait in a FIFO of a quarter of the capacity, are
 * remembered for a while after they leave it, and enter the LRU main queue only if asked for in that time.
 * A hit in the FIFO changes nothing.
 */
export const twoQ: Policy = {
  name: "2q",
  create({ capacity, keys, weight, onEvict }) {
    const queue = new Uint8Array(keys);
    const links = createLinks(keys, 3);
    const incoming = keys;
    const main = keys + 1;
    const out = keys + 2;
    const maxIn = Math.floor(capacity * IN_SHARE);
    const maxOut = Math.floor(capacity * OUT_SHARE);
    let inSize = 0;
    let mainSize = 0;
    let outSize = 0;

    const weigh = (key: number): number => (weight === undefined ? 1 : (weight[key] as number));

    function drop(key: number): void {
      unlink(links, key);
      if (queue[key] === IN) inSize -= weigh(key);
      else mainSize -= weigh(key);
      queue[key] = 0;
    }

    function forget(key: number): void {
      unlink(links, key);
      queue[key] = 0;
      outSize -= weigh(key);
    }

    function evict(): void {
      const first = oldest(links, incoming);
      // Main can be empty while the FIFO is short only with weights or after removals.
      const fromIn = inSize > maxIn || oldest(links, main) === main;
      const victim = fromIn ? first : oldest(links, main);
      drop(victim);
      if (fromIn) {
        push(links, out, victim);
        queue[victim] = OUT;
        outSize += weigh(victim);
        while (outSize > maxOut) forget(oldest(links, out));
      }
      onEvict?.(victim);
    }

    return {
      access(key) {
        const where = queue[key];
        if (where === IN) return true;
        if (where === MAIN) {
          unlink(links, key);
          push(links, main, key);
          return true;
        }
        const needed = weigh(key);
        if (needed > capacity) return false;
        if (where === OUT) forget(key);
        while (inSize + mainSize + needed > capacity) evict();
        if (where === OUT) {
          push(links, main, key);
          queue[key] = MAIN;
          mainSize += needed;
        } else {
          push(links, incoming, key);
          queue[key] = IN;
          inSize += needed;
        }
        return false;
      },
      has: (key) => queue[key] === IN || queue[key] === MAIN,
      remove(key) {
        if (queue[key] !== IN && queue[key] !== MAIN) return false;
        drop(key);
        return true;
      },
      get size() {
        return inSize + mainSize;
      },
    };
  },
};
