import type { Policy } from "./policy.ts";
import { createLinks, oldest, push, unlink } from "./structures/links.ts";

/** Held: asked for once, and more than once, since they came. */
const T1 = 1;
const T2 = 2;
/** Remembered, not held: what left T1, and T2. */
const B1 = 3;
const B2 = 4;

/**
 * ARC (Megiddo and Modha, FAST 2003), after its Fig. 4 with the target in whole units (so does Caffeine; with
 * a fractional target, as in libCacheSim, counts differ by up to 1.2 points). With weights the lists are
 * measured in the unit of the weights, and the target moves by the weight of the key that was asked for.
 */
export const arc: Policy = {
  name: "arc",
  create({ capacity, keys, weight, onEvict }) {
    const list = new Uint8Array(keys);
    const links = createLinks(keys, 4);
    const sentinel = keys - 1;
    /** Sizes by list; 0 is not used. */
    const sizes = new Float64Array(5);
    /** How much of the capacity T1 should have. */
    let target = 0;

    const weigh = (key: number): number => (weight === undefined ? 1 : (weight[key] as number));
    const size = (which: number): number => sizes[which] as number;

    function take(key: number, from: number): void {
      unlink(links, key);
      list[key] = 0;
      sizes[from] = size(from) - weigh(key);
    }

    function put(key: number, into: number): void {
      push(links, sentinel + into, key);
      list[key] = into;
      sizes[into] = size(into) + weigh(key);
    }

    /** Moves the oldest of T1 or T2 to its list of ghosts. */
    function replace(askedIn: number): void {
      const t1 = size(T1);
      const fromT1 = t1 > 0 && (t1 > target || (askedIn === B2 && t1 === target) || size(T2) === 0);
      const from = fromT1 ? T1 : T2;
      const victim = oldest(links, sentinel + from);
      take(victim, from);
      put(victim, from + 2);
      onEvict?.(victim);
    }

    function makeRoom(needed: number, askedIn: number): void {
      while (size(T1) + size(T2) + needed > capacity) replace(askedIn);
    }

    function admitGhost(key: number, ghosts: number): void {
      const needed = weigh(key);
      const same = size(ghosts);
      const other = size(ghosts === B1 ? B2 : B1);
      const step = Math.max(Math.floor(other / same), 1) * needed;
      target = ghosts === B1 ? Math.min(capacity, target + step) : Math.max(0, target - step);
      take(key, ghosts);
      makeRoom(needed, ghosts);
      put(key, T2);
    }

    function admitNew(key: number): void {
      const needed = weigh(key);
      // T1 and its ghosts together stay within the capacity, all four lists within twice of it.
      while (size(T1) + size(B1) + needed > capacity && size(B1) > 0) take(oldest(links, sentinel + B1), B1);
      while (size(T1) + needed > capacity) {
        const victim = oldest(links, sentinel + T1);
        take(victim, T1);
        onEvict?.(victim);
      }
      makeRoom(needed, 0);
      while (size(T1) + size(T2) + size(B1) + size(B2) + needed > 2 * capacity && size(B2) > 0) {
        take(oldest(links, sentinel + B2), B2);
      }
      put(key, T1);
    }

    return {
      access(key) {
        const where = list[key] as number;
        if (where === T1 || where === T2) {
          take(key, where);
          put(key, T2);
          return true;
        }
        if (weigh(key) > capacity) return false;
        if (where === 0) admitNew(key);
        else admitGhost(key, where);
        return false;
      },
      has: (key) => list[key] === T1 || list[key] === T2,
      remove(key) {
        const where = list[key] as number;
        if (where !== T1 && where !== T2) return false;
        take(key, where);
        return true;
      },
      get size() {
        return size(T1) + size(T2);
      },
    };
  },
};
