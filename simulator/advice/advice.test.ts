import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { smallLog } from "../strategies/small-log.fixture.ts";
import { strategySchema } from "../strategies/spec.ts";
import { candidates } from "./candidates.ts";
import type { Evaluation } from "./evaluate.ts";
import { kneeOf, paretoFront } from "./front.ts";
import { recommend, serviceEnvironment } from "./recommend.ts";

const hourMs = 3_600_000;
const replayed = { assumptions: [], spanMs: hourMs, sampled: false };

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
    localBytes: range(0),
    money: {
      before: range(200),
      after: range(200 - net),
      saving: range(net + mib / 100),
      cache: range(mib / 100),
      netSaving: range(net),
      breakEvenHitShare: range(0.1),
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
  const advice = recommend(all, hourMs);
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
  assert.equal(recommend([semantic, exact], hourMs).recommended, exact);
  assert.deepEqual(recommend([semantic, exact], hourMs).front, [semantic]);
  assert.equal(recommend([semantic], hourMs).recommended, semantic);
});

test("where nothing gains, nothing is recommended", () => {
  const advice = recommend([evaluated("lru", 1, -3), evaluated("lru", 2, 0)], hourMs);
  assert.equal(advice.recommended, undefined);
  assert.equal(advice.deployable, undefined);
});

test("the service's environment: its TTL, and Redis's memory beside it", () => {
  const text = serviceEnvironment(evaluated("lru", 40, 98, { ttlMs: 60_000 }), {
    ...replayed,
    assumptions: ["prices of today"],
  });
  assert.match(text, /^BW_CACHE_FRESH_MS=60000$/m);
  assert.match(text, /^# Assumed: prices of today$/m);
  assert.match(text, /^BW_CACHE_L1=on$/m);
  assert.match(text, /maxmemory 56mb/);
  assert.match(text, /maxmemory-policy allkeys-lru/);
  assert.match(serviceEnvironment(evaluated("lfu", 1, 1), replayed), /^BW_CACHE_FRESH_MS=86400000$/m);
  assert.throws(() => serviceEnvironment(evaluated("sieve", 1, 1), replayed), RangeError);
});

test("the service's environment of two tiers: the memory of each process, and what is left for Redis", () => {
  const tiers = [
    { policy: "sieve", capacity: 10 },
    { policy: "lfu", capacity: 100 },
  ];
  const two = {
    ...evaluated("lru", 40, 98),
    spec: strategySchema.parse({ answers: { match: "exact", tiers, replicas: 3 } }),
    localBytes: { low: 1, high: 4 * 2 ** 20 },
  };
  const text = serviceEnvironment(two, replayed);
  assert.match(text, /^BW_CACHE_L1_POLICY=sieve$/m);
  assert.match(text, /^BW_CACHE_L1_MAX_BYTES=4194304$/m);
  assert.match(text, /maxmemory 44mb/);
  assert.match(text, /maxmemory-policy allkeys-lfu/);
  for (const other of [
    { inclusion: "exclusive" },
    { tiers: [{ policy: "arc", capacity: 10 }, tiers[1]] },
    { tiers: [tiers[0], { policy: "sieve", capacity: 10 }] },
    { match: "normalised" },
  ]) {
    const spec = strategySchema.parse({ answers: { ...two.spec.answers, ...other } });
    assert.throws(() => serviceEnvironment({ ...two, spec }, replayed), RangeError);
  }
});

test("on a log longer than a day the service is given only what it keeps for a day at most", () => {
  const ever = evaluated("lru", 1, 100);
  const day = evaluated("lru", 1, 90, {});
  const within = {
    ...day,
    spec: strategySchema.parse({ answers: { ...day.spec.answers, ttlMs: 24 * hourMs } }),
  };
  assert.equal(recommend([ever, within], 24 * hourMs).deployable, ever);
  assert.equal(recommend([ever, within], 48 * hourMs).deployable, within);
  assert.throws(() => serviceEnvironment(ever, { ...replayed, spanMs: 48 * hourMs }), RangeError);
  assert.match(
    serviceEnvironment(within, { ...replayed, spanMs: 48 * hourMs }),
    /^BW_CACHE_FRESH_MS=86400000$/m,
  );
});

test("on a log longer than a day, LRU and LFU are tried with a TTL of a day, each once", () => {
  const log = smallLog([0, 1, 2, 3].map((day) => ({ key: 0, at: day * 24 * hourMs })));
  const specs = candidates(log, {
    kinds: ["exact", "ttl"],
    policies: ["lru", "lfu", "sieve"],
    sizes: 1,
    unit: "entries",
    ttlsMs: [24 * hourMs],
    thresholds: [],
    similarity: "recorded",
    replicas: 1,
    routing: "random",
  });
  const ofADay = specs.filter(({ answers }) => answers?.ttlMs === 24 * hourMs);
  assert.deepEqual(ofADay.map(({ answers }) => answers?.tiers[0].policy).sort(), ["lfu", "lru"]);
});

test("where no request was counted, nothing is recommended", () => {
  const none = evaluated("lru", 1, Number.NaN);
  assert.equal(recommend([none], hourMs).recommended, undefined);
});

test("the service is told how to serve answers drawn at random only where the replay may have", () => {
  const written = (sampled: boolean) => serviceEnvironment(evaluated("lru", 1, 1), { ...replayed, sampled });
  assert.match(written(true), /^#BW_CACHE_SAMPLED=on$/m);
  assert.doesNotMatch(written(false), /temperature|SAMPLED/);
});
