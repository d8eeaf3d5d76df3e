import type { NamedTier, TierName } from "../cache/layered.ts";
import type { Entry } from "../cache/tier.ts";
import type { Invalidations } from "./invalidations.ts";

/**
 * Tiers in which an entry that was invalidated is a miss, whatever it is read for. It stays where it is until it is
 * replaced or expires: nothing is scanned or deleted.
 *
 * Nor is an answer stored that was invalidated while it was being made. Memory is judged as this process's own: what
 * it has of other processes was current when it was taken from another tier.
 *
 * @param invalidations undefined: the tiers as they are
 */
export function currentTiers<V>(
  tiers: readonly NamedTier<V>[],
  invalidations: Pick<Invalidations, "isCurrent" | "isCurrentHere"> | undefined,
  onInvalidated: (tier: TierName) => void,
): readonly NamedTier<V>[] {
  if (invalidations === undefined) return tiers;
  return tiers.map(({ readNow, ...tier }) => {
    const isCurrent = tier.name === "memory" ? invalidations.isCurrentHere : invalidations.isCurrent;
    function currentOf(entry: Entry<V> | undefined): Entry<V> | undefined {
      if (entry === undefined || isCurrent(entry)) return entry;
      onInvalidated(tier.name);
      return undefined;
    }
    return {
      ...tier,
      readNow: readNow && ((key) => currentOf(readNow(key))),
      read: async (key, signal) => currentOf(await tier.read(key, signal)),
      async write(key, entry, signal) {
        if (isCurrent(entry)) await tier.write(key, entry, signal);
      },
    };
  });
}
