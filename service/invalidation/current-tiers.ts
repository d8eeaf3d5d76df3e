import type { NamedTier, TierName } from "../cache/layered.ts";
import type { Entry } from "../cache/tier.ts";
import type { Invalidations } from "./invalidations.ts";

/**
 * Tiers in which an entry that was invalidated is a miss, whatever it is read for. It stays where it is until it is
 * replaced or expires: nothing is scanned or deleted.
 *
 * Nor is an answer stored that was invalidated while it was being made.
 *
 * @param invalidations undefined: the tiers as they are
 */
export function currentTiers<V>(
  tiers: readonly NamedTier<V>[],
  invalidations: Pick<Invalidations, "isCurrent"> | undefined,
  onInvalidated: (tier: TierName) => void,
): readonly NamedTier<V>[] {
  if (invalidations === undefined) return tiers;
  const { isCurrent } = invalidations;
  function currentOf<V>(tier: TierName, entry: Entry<V> | undefined): Entry<V> | undefined {
    if (entry === undefined || isCurrent(entry)) return entry;
    onInvalidated(tier);
    return undefined;
  }
  return tiers.map(({ readNow, ...tier }) => ({
    ...tier,
    readNow: readNow && ((key) => currentOf(tier.name, readNow(key))),
    read: async (key, signal) => currentOf(tier.name, await tier.read(key, signal)),
    async write(key, entry, signal) {
      if (isCurrent(entry)) await tier.write(key, entry, signal);
    },
  }));
}
