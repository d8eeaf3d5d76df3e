import type { Policy } from "./policy.ts";
import { createFrequencySketch } from "./structures/frequency.ts";
import { createLinks, oldest, push, unlink } from "./structures/links.ts";

const WINDOW = 1;
const PROBATION = 2;
const PROTECTED = 3;

const WINDOW_SHARE = 0.01;
const PROTECTED_SHARE = 0.8;

/**
 * W-TinyLFU (Einziger, Friedman and Manes, TOS 2017) with a fixed window of 1% and a main area of
 * segmented LRU, 80% of it protected: the settings of Caffeine's simulator. What leaves the window stays
 * only if it was asked for more often lately than the victim of main.
 */
export const wTinyLfu: Policy = {
  name: "w-tinylfu",
  create({ capacity, keys, weight, hash, onEvict }) {
    const segment = new Uint8Array(keys);
    const links = createLinks(keys, 3);
    const window = keys;
    const probation = keys + 1;
    const shielded = keys + 2;
    const maxMain = Math.floor(capacity * (1 - WINDOW_SHARE));
    const maxWindow = capacity - maxMain;
    const maxProtected = Math.floor(maxMain * PROTECTED_SHARE);
    const recent = createFrequencySketch(capacity, hash);
    let size = 0;
    let windowSize = 0;
    let protectedSize = 0;

    const weigh = (key: number): number => (weight === undefined ? 1 : (weight[key] as number));

    function drop(key: number): void {
      unlink(links, key);
      const freed = weigh(key);
      if (segment[key] === WINDOW) windowSize -= freed;
      else if (segment[key] === PROTECTED) protectedSize -= freed;
      segment[key] = 0;
      size -= freed;
    }

    function toProbation(key: number): void {
      unlink(links, key);
      push(links, probation, key);
      segment[key] = PROBATION;
    }

    function promote(key: number): void {
      unlink(links, key);
      push(links, shielded, key);
      segment[key] = PROTECTED;
      protectedSize += weigh(key);
      while (protectedSize > maxProtected) {
        const demoted = oldest(links, shielded);
        protectedSize -= weigh(demoted);
        toProbation(demoted);
      }
    }

    /** The candidates that just left the window contend with the victims of main until all fits. */
    function contend(candidate: number): void {
      while (size > capacity) {
        const first = oldest(links, probation);
        const victim =
          first === candidate && oldest(links, shielded) !== shielded ? oldest(links, shielded) : first;
        const stays = recent.frequency(candidate) > recent.frequency(victim);
        const evicted = stays ? victim : candidate;
        drop(evicted);
        onEvict?.(evicted);
        if (evicted === candidate) return;
      }
    }

    return {
      access(key) {
        recent.record(key);
        const where = segment[key];
        if (where === WINDOW) {
          unlink(links, key);
          push(links, window, key);
          return true;
        }
        if (where === PROTECTED) {
          unlink(links, key);
          push(links, shielded, key);
          return true;
        }
        if (where === PROBATION) {
          promote(key);
          return true;
        }
        const needed = weigh(key);
        if (needed > capacity) return false;
        push(links, window, key);
        segment[key] = WINDOW;
        windowSize += needed;
        size += needed;
        while (windowSize > maxWindow || size > capacity) {
          const candidate = oldest(links, window);
          windowSize -= weigh(candidate);
          toProbation(candidate);
          contend(candidate);
        }
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
