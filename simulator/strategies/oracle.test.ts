import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { RequestLog } from "../log/log.ts";
import { replay } from "./replay.ts";
import { type StrategySpec, strategySchema } from "./spec.ts";
import { summarise } from "./summary.ts";
import { cloudPhysics } from "./traces.fixture.ts";

let log: RequestLog;
before(() => {
  log = cloudPhysics();
});

const entries = (policy: string, capacity: number) => ({ policy, capacity, unit: "entries" });

function spec(value: object): StrategySpec {
  return strategySchema.parse({ answers: value });
}

function run(value: object, warmupShare = 0) {
  const summary = summarise(log, replay(log, spec(value)), warmupShare);
  return { ...summary, misses: summary.requests - summary.l1Hits - summary.l2Hits };
}

test("exact: the misses of libCacheSim and Caffeine", () => {
  const oracle = { lru: [95398, 91527], fifo: [96483, 91581], sieve: [94379, 89798], belady: [90175, 71311] };
  for (const [policy, [at500, at5000]] of Object.entries(oracle)) {
    assert.equal(run({ match: "exact", tiers: [entries(policy, 500)] }).misses, at500, policy);
    assert.equal(run({ match: "exact", tiers: [entries(policy, 5000)] }).misses, at5000, policy);
  }
});

test("exact by bytes: libCacheSim's LRU at 128 to 1024 MiB", () => {
  const upstream = [93374, 89783, 83572, 81722, 72494, 72104, 71972, 71704];
  for (const [step, misses] of upstream.entries()) {
    const capacity = (step + 1) * 128 * 2 ** 20;
    assert.equal(run({ match: "exact", tiers: [{ policy: "lru", capacity, unit: "bytes" }] }).misses, misses);
  }
});

test("a warm-up of 20 % leaves 91,098 requests, as in libCacheSim", () => {
  assert.equal(run({ match: "exact", tiers: [entries("lru", 500)] }, 0.2).requests, 91_098);
});

// Measured: hits of L1 and L2, and misses.
const exclusive = [
  [500, 500, 18_474, 575, 94_823],
  [1000, 1000, 19_049, 634, 94_189],
  [100, 400, 13_657, 4_817, 95_398],
] as const;

test("exclusive tiers: LRU(a) + LRU(b) = LRU(a + b), and L1 alone hits as LRU(a)", () => {
  for (const [a, b, l1Hits, l2Hits, misses] of exclusive) {
    const tiers = [entries("lru", a), entries("lru", b)];
    const both = run({ match: "exact", tiers, inclusion: "exclusive" });
    assert.deepEqual([both.l1Hits, both.l2Hits, both.misses], [l1Hits, l2Hits, misses]);
    assert.equal(run({ match: "exact", tiers: [entries("lru", a + b)] }).misses, misses);
    assert.equal(run({ match: "exact", tiers: [entries("lru", a)] }).l1Hits, l1Hits);
  }
});

test("inclusive tiers: L2 decides what is held, so they never hit more than exclusive ones", () => {
  const tiers = [entries("lru", 500), entries("lru", 5000)];
  const inclusive = run({ match: "exact", tiers, inclusion: "inclusive" });
  const independent = run({ match: "exact", tiers, inclusion: "independent" });
  const exclusiveRun = run({ match: "exact", tiers, inclusion: "exclusive" });
  assert.ok(exclusiveRun.misses <= independent.misses);
  assert.ok(independent.misses <= inclusive.misses);
});

test("replicas with L1s alone: consistent hashing hits more than random routing", () => {
  const hits = (routing: string) =>
    run({ match: "exact", tiers: [entries("lru", 2500)], replicas: 4, routing }).l1Hits;
  assert.ok(hits("consistent-hash") > hits("random"));
});

test("a TTL that nothing outlives changes nothing; a shorter one only adds misses", () => {
  const misses = (ttlMs?: number) =>
    run({ match: "exact", tiers: [entries("lru", 20_000)], ...(ttlMs === undefined ? {} : { ttlMs }) })
      .misses;
  assert.equal(misses(1e9), misses());
  assert.ok(misses(600_000) > misses(2_400_000));
  assert.ok(misses(2_400_000) > misses());
});
