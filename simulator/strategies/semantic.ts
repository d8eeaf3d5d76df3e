import type { AnswerCache, AnswerInputs } from "./answer-cache.ts";
import { nodeOf } from "./hashing.ts";
import { isAway } from "./losses.ts";
import type { ReplayContext } from "./replay-context.ts";
import { createNearestHeld } from "./similarity.ts";
import { createStore } from "./store.ts";
import { StrategyError } from "./strategy-error.ts";

/**
 * One tier that also answers a request with the entry of a similar one. A request's own entry is looked for first;
 * a request that another's entry answers is not stored itself, as in GPTCache. Only entries of the request's own tenant
 * and model are looked at.
 *
 * @throws StrategyError `NOT_IN_LOG` where neither the log nor the caller gives similarities
 */
export function createSemantic(inputs: AnswerInputs, context: ReplayContext): AnswerCache {
  const { log, spec, losses, key, keys, storeOptions, ofScope } = inputs;
  const { vectors } = context;
  const settings = spec.semantic ?? { similarity: "recorded", threshold: 1, chained: false };
  const held =
    settings.similarity === "computed" && vectors !== undefined
      ? createNearestHeld(vectors, keys, log.keyScope)
      : undefined;
  const { nearest, timeMs, keyScope } = log;
  if (settings.similarity === "computed" ? held === undefined : nearest === undefined) {
    throw new StrategyError(
      "NOT_IN_LOG",
      `Cannot replay a semantic cache by ${settings.similarity} similarity: log "${log.name}" has no ${settings.similarity === "computed" ? "vectors" : "scores"}`,
      settings.similarity === "computed"
        ? "Give embeddings."
        : "Give a log whose rows name their nearest earlier row.",
    );
  }
  const store = createStore({
    ...storeOptions(spec.tiers[0]),
    ...(held === undefined ? {} : { onEvict: (of: number) => held.remove(of) }),
  });
  const accepts = context.accepts ?? (({ score }) => score >= settings.threshold);
  /** The key whose entry answered each key last: what a chained reading goes on to. */
  const answeredBy = Uint32Array.from({ length: keys }, (_, of) => of);
  const absences = losses.filter(({ downMs }) => downMs > 0);

  function candidate(row: number, now: number): number {
    if (held !== undefined) {
      const { key: of, score } = held.nearest(key[row] as number);
      if (of < 0 || !accepts({ row, key: of, score })) return -1;
      if (store.find(of, now) >= 0) return of;
      held.remove(of);
      return candidate(row, now);
    }
    const near = nearest?.row[row] ?? -1;
    if (near < 0) return -1;
    const of = key[near] as number;
    // Whatever the log says is similar: a tenant's or a model's answer is for no other.
    if (keyScope !== undefined && keyScope[of] !== keyScope[key[row] as number]) return -1;
    if (!accepts({ row, key: of, score: nearest?.score[row] ?? Number.NaN })) return -1;
    if (store.find(of, now) >= 0) return of;
    const other = answeredBy[of] as number;
    return settings.chained && store.find(other, now) >= 0 ? other : -1;
  }

  return {
    tier: 1,
    request(row) {
      const own = key[row] as number;
      const now = timeMs[row] as number;
      const isGone = absences.some(
        (loss) => isAway(loss, now) && (loss.what !== "l2" || nodeOf(own, loss.shards) === loss.node),
      );
      if (isGone) return -1;
      const entry = store.find(own, now) >= 0 ? own : candidate(row, now);
      if (entry >= 0) {
        const by = store.find(entry, now);
        store.touch(entry);
        answeredBy[own] = entry;
        return by;
      }
      store.put(own, row);
      answeredBy[own] = own;
      if (store.find(own, now) >= 0) held?.add(own);
      return -1;
    },
    invalidate: (row) => {
      store.remove(key[row] as number);
      held?.remove(key[row] as number);
    },
    invalidateAll: () => {
      store.lose(() => true);
      held?.clear();
    },
    invalidateScope(row) {
      store.lose(ofScope(row)); // As of a lost shard: their vectors leave when they are next found.
    },
    lose({ what, node, shards }) {
      if (what === "l2") {
        store.lose((of) => nodeOf(of, shards) === node);
        return; // The vectors of lost entries leave when they are next found.
      }
      store.lose();
      held?.clear();
    },
  };
}
