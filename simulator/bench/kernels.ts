import { LRUCache } from "lru-cache";
import { LRUMap } from "mnemonist";
import { lruCurve } from "../curves/lru-curve.ts";
import { shardsCurve } from "../curves/shards.ts";
import { type PolicyName, policies } from "../policies/catalog.ts";
import { nextUse } from "../policies/structures/next-use.ts";
import { replay } from "../sweep/policy-run.ts";
import type { BenchRow } from "./bench-row.ts";
import { zipfRequests } from "./zipf.ts";

const ROWS = 10_000_000;
const KEYS = 1_000_000;
const CAPACITIES = [10_000, 100_000];
const REPEATS = 3;

/** M req/s that the project set itself. */
const goals: Partial<Record<PolicyName, number>> = { lru: 25, sieve: 20, "s3-fifo": 15, arc: 8 };

/** Of our LRU to theirs; the other policies do more, and their ratios are shown only. */
const MIN_RATIO = 2.5;

/** Requests a second of every policy on Zipf 1.0, beside two libraries in the same run; then the curves. */
export function* kernelRows(): Generator<BenchRow> {
  const requests = zipfRequests(ROWS, KEYS, 1, 1);
  const future = nextUse(requests, KEYS);
  for (const capacity of CAPACITIES) {
    const of = (name: PolicyName) =>
      fastest(() => replay(policies[name].create({ capacity, keys: KEYS, future }), requests));
    const references = {
      "lru-cache": fastest(() => viaLruCache(capacity, requests)),
      mnemonist: fastest(() => viaMnemonist(capacity, requests)),
    };
    for (const [name, rate] of Object.entries(references)) {
      yield { name: `${capacity}: ${name}`, value: rate, unit: "M req/s" };
    }
    for (const name of Object.keys(policies) as PolicyName[]) {
      const rate = of(name);
      const atLeast = goals[name];
      yield {
        name: `${capacity}: ${name}`,
        value: rate,
        unit: "M req/s",
        ...(atLeast === undefined ? {} : { goal: { atLeast } }),
      };
      if (atLeast === undefined) continue;
      for (const [reference, theirs] of Object.entries(references)) {
        yield {
          name: `${capacity}:   ${name} / ${reference}`,
          value: rate / theirs,
          unit: "×",
          ...(name === "lru" ? { goal: { atLeast: MIN_RATIO } } : {}),
        };
      }
    }
  }
  const sizes = Array.from({ length: 100 }, (_, i) => (i + 1) * (KEYS / 100));
  yield {
    name: "LRU curve, exact, 100 sizes",
    value: fastest(() => lruCurve({ requests, keys: KEYS, sizes })),
    unit: "M req/s",
  };
  yield {
    name: "LRU curve, SHARDS 8 × 0.01, 100 sizes",
    value: fastest(() => shardsCurve({ requests, keys: KEYS, sizes, rate: 0.01 })),
    unit: "M req/s",
  };
}

/** Million requests a second of the fastest of several runs: what disturbs a run only ever slows it. */
function fastest(run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return ROWS / best / 1000;
}

function viaLruCache(max: number, requests: Uint32Array): number {
  const cache = new LRUCache<number, number>({ max });
  let hits = 0;
  for (const key of requests) {
    if (cache.get(key) !== undefined) hits++;
    else cache.set(key, 1);
  }
  return hits;
}

function viaMnemonist(max: number, requests: Uint32Array): number {
  const cache = new LRUMap<number, number>(max);
  let hits = 0;
  for (const key of requests) {
    if (cache.get(key) !== undefined) hits++;
    else cache.set(key, 1);
  }
  return hits;
}
