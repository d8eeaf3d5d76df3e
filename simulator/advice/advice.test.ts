import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { strategySchema } from "../strategies/spec.ts";
import type { Evaluation } from "./evaluate.ts";
import { kneeOf, paretoFront } from "./front.ts";
import { recommend, serviceEnvironment } from "./recommend.ts";

test("the front: nothing on it is beaten, and all that is off it is", () => {
  const point = fc.record({ size: fc.nat(20), gain: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(point, { minLength: 1 }), (points) => {
      const front = paretoFront(points);
      const beats = (a: { size: number; gain: number }, b: { size: number; gain: number }) =>
        a.size <= b.size && a.gain >= b.gain && (a.size < b.size || a.gain > b.gain);
      for (const on of front) assert.ok(!points.some((other) => beats(other, on)));
      for (const each of points) {
        assert.ok(front.some((on) => beats(on, each) || (on.size === each.size && on.gain === each.gain)));
      }
    }),
  );
});

test("the knee is where gain stops rising fast", () => {
  const front = [
    [0, 0],
    [1, 50],
    [2, 80],
    [5, 90],
    [10, 100],
  ].map(([size = 0, gain = 0]) => ({ size, gain }));
  assert.equal(kneeOf(front)?.size, 2);
  assert.equal(kneeOf(front.slice(0, 2)), undefined);
});

function evaluated(policy: string, mib: number, net: number, more: object = {}): Evaluation {
  const range = (value: number) => ({ low: value, high: value });
  return {
    spec: strategySchema.parse({ answers: { match: "exact", tiers: [{ policy, capacity: 10 }], ...more } }),
    label: policy,
    summary: {
      requests: 10,
      l1Hits: 5,
      l2Hits: 0,
      joined: 0,
      hitShare: { byRequest: 0.5, byToken: 0.5, byByte: 0.5 },
      modelPromptTokens: 0,
      reusedTokens: 0,
      blocks: 0,
      reusedBlocks: 0,
    },
    memoryBytes: range(mib * 2 ** 20),
    money: {
      before: range(200),
      after: range(200 - net),
      saving: range(net + mib / 100),
      cache: range(mib / 100),
      netSaving: range(net),
      breakEvenShare: range(0),
    },
  };
}

test("recommended: the smallest that reaches 95 % of the best; the bound never; the service only what it can run", () => {
  const all = [
    evaluated("belady", 1, 500),
    evaluated("sieve", 10, 97),
    evaluated("lru", 20, 60),
    evaluated("lru", 40, 98, { ttlMs: 60_000 }),
    evaluated("sieve", 80, 100),
  ];
  const advice = recommend(all);
  assert.equal(advice.recommended, all[1]);
  assert.equal(advice.deployable, all[3]);
  assert.deepEqual(advice.front, [all[1], all[3], all[4]]);
});

test("a semantic cache is on the front, and recommended only where nothing else was tried", () => {
  const semantic = {
    ...evaluated("lru", 10, 200),
    spec: strategySchema.parse({
      answers: {
        match: "semantic",
        tiers: [{ policy: "lru", capacity: 5 }],
        semantic: { similarity: "recorded", threshold: 0.9 },
      },
    }),
  };
  const exact = evaluated("lru", 20, 100);
  assert.equal(recommend([semantic, exact]).recommended, exact);
  assert.deepEqual(recommend([semantic, exact]).front, [semantic]);
  assert.equal(recommend([semantic]).recommended, semantic);
});

test("where nothing gains, nothing is recommended", () => {
  const advice = recommend([evaluated("lru", 1, -3), evaluated("lru", 2, 0)]);
  assert.equal(advice.recommended, undefined);
  assert.equal(advice.deployable, undefined);
});

test("the service's environment: its TTL, and Redis's memory beside it", () => {
  const text = serviceEnvironment(evaluated("lru", 40, 98, { ttlMs: 60_000 }), ["prices of today"]);
  assert.match(text, /^CACHE_FRESH_MS=60000$/m);
  assert.match(text, /maxmemory 40mb/);
  assert.match(text, /maxmemory-policy allkeys-lru/);
  assert.match(serviceEnvironment(evaluated("lfu", 1, 1), []), /^CACHE_FRESH_MS=86400000$/m);
  assert.throws(() => serviceEnvironment(evaluated("sieve", 1, 1), []), RangeError);
});
