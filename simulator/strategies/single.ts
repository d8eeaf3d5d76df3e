import type { AnswerCache, AnswerInputs } from "./answer-cache.ts";
import { nodeOf } from "./hashing.ts";
import { isAway } from "./losses.ts";
import { createStore } from "./store.ts";

/** One tier that all share. A loss of "l2" takes a shard of it, one of "l1" or "all" takes the whole. */
export function createSingle({ log, spec, losses, key, storeOptions, ofScope }: AnswerInputs): AnswerCache {
  const store = createStore(storeOptions(spec.tiers[0]));
  const { timeMs } = log;
  const absences = losses.filter(({ downMs }) => downMs > 0);
  const away = (of: number, now: number) =>
    absences.some(
      (loss) => isAway(loss, now) && (loss.what !== "l2" || nodeOf(of, loss.shards) === loss.node),
    );
  return {
    tier: 1,
    request(row) {
      const of = key[row] as number;
      const now = timeMs[row] as number;
      if (absences.length > 0 && away(of, now)) return -1;
      const by = store.find(of, now);
      if (by >= 0) store.touch(of);
      else store.put(of, row);
      return by;
    },
    invalidate: (row) => store.remove(key[row] as number),
    invalidateAll: () => store.lose(() => true),
    invalidateScope: (row) => store.lose(ofScope(row)),
    lose({ what, node, shards }) {
      if (what === "l2") store.lose((of) => nodeOf(of, shards) === node);
      else store.lose();
    },
  };
}
