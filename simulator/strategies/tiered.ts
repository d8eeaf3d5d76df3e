import type { AnswerCache, AnswerInputs } from "./answer-cache.ts";
import { nodeOf } from "./hashing.ts";
import { isAway } from "./losses.ts";
import { createRoute } from "./routing.ts";
import { createStore, type Store } from "./store.ts";

/** An L1 on each replica and, where the strategy has two tiers, an L2 that they share. */
export function createTiered(inputs: AnswerInputs): AnswerCache {
  const { log, spec, losses, key, storeOptions, ofScope } = inputs;
  const { inclusion } = spec;
  const behind = spec.tiers[1];
  const front: Store[] = [];
  const frontOptions = storeOptions(spec.tiers[0]);
  const l2 =
    behind === undefined
      ? undefined
      : createStore({
          ...storeOptions(behind),
          ...(inclusion === "inclusive" ? { onEvict: (of: number) => dropFromFront(of) } : {}),
        });
  function dropFromFront(of: number): void {
    for (const l1 of front) l1.remove(of);
  }
  /** Row time of the request under way, for what L1 evicts meanwhile. */
  let now = 0;
  for (let replica = 0; replica < spec.replicas; replica++) {
    const demote = (of: number, row: number) => {
      if (l2 !== undefined && l2IsUp(of)) l2.put(of, row);
    };
    front.push(createStore({ ...frontOptions, ...(inclusion === "exclusive" ? { onEvict: demote } : {}) }));
  }
  const route = createRoute(spec, log, key);
  const absences = losses.filter(({ downMs }) => downMs > 0);
  const replicaIsUp = (replica: number) =>
    !absences.some(
      (loss) => isAway(loss, now) && (loss.what === "all" || (loss.what === "l1" && loss.node === replica)),
    );
  const l2IsUp = (of: number) =>
    !absences.some(
      (loss) =>
        isAway(loss, now) &&
        (loss.what === "all" || (loss.what === "l2" && nodeOf(of, loss.shards) === loss.node)),
    );
  let tier: 1 | 2 = 1;

  /** Puts an answer into L1 after the tier behind has been asked. */
  function fill(l1: Store, of: number, row: number, fromL2: boolean): void {
    if (l2 === undefined || !l2IsUp(of)) {
      l1.put(of, row);
      return;
    }
    if (inclusion === "exclusive") {
      if (fromL2) l2.remove(of);
      l1.put(of, row);
      // An answer that L1 does not admit stays behind.
      if (l1.find(of, now) < 0 && l2.find(of, now) < 0) l2.put(of, row);
      return;
    }
    if (fromL2) l2.touch(of);
    else l2.put(of, row);
    if (inclusion === "independent" || l2.find(of, now) >= 0) l1.put(of, row);
  }

  return {
    get tier() {
      return tier;
    },
    request(row) {
      const of = key[row] as number;
      now = log.timeMs[row] as number;
      const l1 = front[route(row, replicaIsUp)];
      // No replica is there to answer from a cache.
      if (l1 === undefined) return -1;
      const near = l1.find(of, now);
      if (near >= 0) {
        tier = 1;
        l1.touch(of);
        return near;
      }
      const far = l2 !== undefined && l2IsUp(of) ? l2.find(of, now) : -1;
      tier = 2;
      fill(l1, of, far >= 0 ? far : row, far >= 0);
      return far;
    },
    invalidate(row) {
      const of = key[row] as number;
      l2?.remove(of);
      dropFromFront(of);
    },
    invalidateAll() {
      l2?.lose(() => true);
      for (const l1 of front) l1.lose(() => true);
    },
    invalidateScope(row) {
      const lost = ofScope(row);
      l2?.lose(lost);
      for (const l1 of front) l1.lose(lost);
    },
    lose({ what, node, shards }) {
      if (what === "l1") front[node]?.lose();
      else if (what === "all") for (const l1 of front) l1.lose();
      if (what === "all") l2?.lose();
      if (what === "l2") l2?.lose((of) => nodeOf(of, shards) === node);
    },
  };
}
