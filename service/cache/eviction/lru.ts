import { LRUCache } from "lru-cache";
import type { BoundedMap, BoundedMapSettings } from "./bounded-map.ts";

/** A value in a box, since lru-cache takes no undefined. */
interface Held<T> {
  readonly value: T;
}

/** Least recently used first, by lru-cache. */
export function lru<T>({ maxWeight, onEvicted }: BoundedMapSettings): BoundedMap<T> {
  const entries = new LRUCache<string, Held<T>>({
    maxSize: maxWeight,
    dispose: (_held, _key, reason) => {
      if (reason === "evict") onEvicted();
    },
  });
  return {
    get: (key) => entries.get(key)?.value,
    set(key, value, weight) {
      if (weight > maxWeight) entries.delete(key);
      else entries.set(key, { value }, { size: weight });
    },
    delete: (key) => void entries.delete(key),
    get weight() {
      return entries.calculatedSize;
    },
    get size() {
      return entries.size;
    },
  };
}
