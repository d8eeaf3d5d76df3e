import type { Policy } from "./policy.ts";
import { createLinks, newer, oldest, push, unlink } from "./structures/links.ts";

/** Held, with low inter-reference recency. */
const LIR = 1;
/** Held, with high inter-reference recency: in the queue, and perhaps in the stack. */
const HIR = 2;
/** Remembered in the stack, not held. */
const GHOST = 3;

const LIR_SHARE = 0.99;
/** Ghosts, as a multiple of the capacity. The paper sets no limit. */
const GHOST_SHARE = 2;

/**
 * LIRS (Jiang and Zhang, SIGMETRICS 2002) with 99% of the capacity for LIR keys and at most twice the capacity
 * of ghosts: the settings of Caffeine's simulator. There is no canonical count: implementations, the
 * author's own among them, differ by up to 7 points of hit share.
 */
export const lirs: Policy = {
  name: "lirs",
  create({ capacity, keys, weight, onEvict }) {
    const status = new Uint8Array(keys);
    const stacked = new Uint8Array(keys);
    /** The stack S: LIR keys, and HIR keys and ghosts younger than the oldest LIR key, which is its bottom. */
    const stackLinks = createLinks(keys, 1);
    /** HIR keys in the order of eviction, and ghosts from old to new: no key is in both. */
    const links = createLinks(keys, 2);
    const stack = keys;
    const queue = keys;
    const ghosts = keys + 1;
    const maxLir = Math.floor(capacity * LIR_SHARE);
    const maxGhosts = Math.floor(capacity * GHOST_SHARE);
    let size = 0;
    let lirSize = 0;
    let ghostSize = 0;

    const weigh = (key: number): number => (weight === undefined ? 1 : (weight[key] as number));

    function unstack(key: number): void {
      unlink(stackLinks, key);
      stacked[key] = 0;
    }

    function stackTop(key: number): void {
      if (stacked[key] === 1) unlink(stackLinks, key);
      push(stackLinks, stack, key);
      stacked[key] = 1;
    }

    function forget(ghost: number): void {
      unlink(links, ghost);
      unstack(ghost);
      status[ghost] = 0;
      ghostSize -= weigh(ghost);
    }

    /** Takes off the bottom what is not LIR, and the oldest ghosts where there are too many. */
    function prune(): void {
      for (let key = oldest(stackLinks, stack); key !== stack; key = oldest(stackLinks, stack)) {
        if (status[key] === LIR) break;
        if (status[key] === GHOST) forget(key);
        else unstack(key);
      }
      while (ghostSize > maxGhosts) forget(oldest(links, ghosts));
    }

    /** The LIR key at the bottom becomes a HIR key, while there are too many. */
    function demoteOverflow(limit: number): void {
      while (lirSize > limit) {
        prune();
        const key = oldest(stackLinks, stack);
        unstack(key);
        status[key] = HIR;
        lirSize -= weigh(key);
        push(links, queue, key);
      }
      prune();
    }

    function makeLir(key: number): void {
      stackTop(key);
      status[key] = LIR;
      lirSize += weigh(key);
    }

    function evict(): void {
      if (oldest(links, queue) === queue) demoteOverflow(lirSize - 1);
      const victim = oldest(links, queue);
      unlink(links, victim);
      size -= weigh(victim);
      if (stacked[victim] === 1) {
        status[victim] = GHOST;
        push(links, ghosts, victim);
        ghostSize += weigh(victim);
      } else {
        status[victim] = 0;
      }
      prune();
      onEvict?.(victim);
    }

    function hit(key: number): void {
      if (status[key] === LIR) {
        const wasBottom = oldest(stackLinks, stack) === key;
        stackTop(key);
        if (wasBottom) prune();
        return;
      }
      const promoted = stacked[key] === 1 && newer(stackLinks, key) !== stack;
      unlink(links, key);
      if (promoted) {
        makeLir(key);
        demoteOverflow(maxLir);
      } else {
        stackTop(key);
        push(links, queue, key);
      }
    }

    function admit(key: number, needed: number): void {
      if (status[key] === GHOST) {
        unlink(links, key);
        ghostSize -= needed;
        // Neither held nor a ghost while room is made; the stack still knows it.
        status[key] = HIR;
      }
      while (size + needed > capacity) evict();
      size += needed;
      if (lirSize + needed <= maxLir) {
        makeLir(key);
      } else if (stacked[key] === 1) {
        makeLir(key);
        demoteOverflow(maxLir);
      } else {
        status[key] = HIR;
        stackTop(key);
        push(links, queue, key);
      }
    }

    return {
      access(key) {
        if (status[key] === LIR || status[key] === HIR) {
          hit(key);
          return true;
        }
        const needed = weigh(key);
        if (needed <= capacity) admit(key, needed);
        return false;
      },
      has: (key) => status[key] === LIR || status[key] === HIR,
      remove(key) {
        const was = status[key];
        if (was !== LIR && was !== HIR) return false;
        if (stacked[key] === 1) unstack(key);
        if (was === LIR) lirSize -= weigh(key);
        else unlink(links, key);
        status[key] = 0;
        size -= weigh(key);
        prune();
        return true;
      },
      get size() {
        return size;
      },
    };
  },
};
