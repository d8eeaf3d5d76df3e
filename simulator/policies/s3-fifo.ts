import type { Policy } from "./policy.ts";
import { createLinks, oldest, push, unlink } from "./structures/links.ts";

const SMALL = 1;
const MAIN = 2;
/** Remembered, not held. */
const GHOST = 3;

const SMALL_SHARE = 0.1;
const GHOST_SHARE = 0.9;
const MAX_FREQUENCY = 3;

/**
 * S3-FIFO (Yang et al., SOSP 2023): a small FIFO of a tenth for what is new, a main FIFO with reinsertion, and
 * a FIFO of ghosts whose keys go to main at once.
 *
 * @param promoteAt hits in the small queue from which a key that reaches its end goes on to main. The authors'
 * own code takes 2, the paper's pseudo-code more than 1 (which is the same) and its text 1.
 */
export function createS3Fifo(name: string, promoteAt: number): Policy {
  return {
    name,
    create({ capacity, keys, weight, onEvict }) {
      const queue = new Uint8Array(keys);
      const frequency = new Uint8Array(keys);
      const links = createLinks(keys, 3);
      const small = keys;
      const main = keys + 1;
      const ghosts = keys + 2;
      const maxSmall = Math.max(1, Math.floor(capacity * SMALL_SHARE));
      const maxGhost = Math.floor(capacity * GHOST_SHARE);
      const maxMain = capacity - maxSmall;
      let smallSize = 0;
      let mainSize = 0;
      let ghostSize = 0;

      const weigh = (key: number): number => (weight === undefined ? 1 : (weight[key] as number));

      function takeGhost(key: number): void {
        unlink(links, key);
        queue[key] = 0;
        ghostSize -= weigh(key);
      }

      function putGhost(key: number): void {
        const needed = weigh(key);
        if (needed > maxGhost) return;
        while (ghostSize + needed > maxGhost) takeGhost(oldest(links, ghosts));
        push(links, ghosts, key);
        queue[key] = GHOST;
        ghostSize += needed;
      }

      function takeHeld(key: number): void {
        unlink(links, key);
        if (queue[key] === SMALL) smallSize -= weigh(key);
        else mainSize -= weigh(key);
        queue[key] = 0;
      }

      function putMain(key: number): void {
        push(links, main, key);
        queue[key] = MAIN;
        frequency[key] = 0;
        mainSize += weigh(key);
      }

      /** Evicts one key, or none where all were promoted. */
      function evictFromSmall(): void {
        for (let key = oldest(links, small); key !== small; key = oldest(links, small)) {
          takeHeld(key);
          if ((frequency[key] as number) < promoteAt) {
            putGhost(key);
            onEvict?.(key);
            return;
          }
          putMain(key);
          if (mainSize > maxMain) evictFromMain();
        }
      }

      function evictFromMain(): void {
        for (let key = oldest(links, main); key !== main; key = oldest(links, main)) {
          const hits = frequency[key] as number;
          if (hits === 0) {
            takeHeld(key);
            onEvict?.(key);
            return;
          }
          frequency[key] = hits - 1;
          unlink(links, key);
          push(links, main, key);
        }
      }

      return {
        access(key) {
          const where = queue[key];
          if (where === SMALL || where === MAIN) {
            const hits = frequency[key] as number;
            if (hits < MAX_FREQUENCY) frequency[key] = hits + 1;
            return true;
          }
          const needed = weigh(key);
          if (needed > capacity) return false;
          while (smallSize + mainSize + needed > capacity) {
            if (smallSize > 0 && (smallSize >= maxSmall || mainSize === 0)) evictFromSmall();
            else evictFromMain();
          }
          // Asked again: making room may have let this very ghost go.
          if (queue[key] === GHOST) {
            takeGhost(key);
            putMain(key);
          } else {
            push(links, small, key);
            queue[key] = SMALL;
            frequency[key] = 0;
            smallSize += needed;
          }
          return false;
        },
        has: (key) => queue[key] === SMALL || queue[key] === MAIN,
        remove(key) {
          if (queue[key] !== SMALL && queue[key] !== MAIN) return false;
          takeHeld(key);
          return true;
        },
        get size() {
          return smallSize + mainSize;
        },
      };
    },
  };
}

/** S3-FIFO as in its authors' code: to main after two hits. Row `s3fifo` of the oracle. */
export const s3Fifo: Policy = createS3Fifo("s3-fifo", 2);
