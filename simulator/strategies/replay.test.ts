import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rowKind } from "../log/log.ts";
import { nodeOf } from "./hashing.ts";
import { outcome, replay } from "./replay.ts";
import type { ReplayContext } from "./replay-context.ts";
import { type SmallRow, smallLog } from "./small-log.fixture.ts";
import { strategySchema } from "./spec.ts";
import { summarise } from "./summary.ts";

const { miss, l1, l2, joined, notARequest } = outcome;
const roomy = { policy: "lru", capacity: 100 };

function outcomes(
  rows: readonly SmallRow[],
  answers: object,
  losses: object[] = [],
  context: ReplayContext = {},
) {
  const spec = strategySchema.parse({ answers: { match: "exact", tiers: [roomy], ...answers }, losses });
  return [...replay(smallLog(rows), spec, context).outcome];
}

test("an answer is served until it is older than the TTL, counted from when it was asked for", () => {
  const rows = [0, 60, 100, 101, 150, 202].map((at) => ({ key: 0, at }));
  assert.deepEqual(outcomes(rows, { ttlMs: 100 }), [miss, l1, l1, miss, l1, miss]);
});

test("normalised keys join what exact keys tell apart", () => {
  const rows = [
    { key: 0, normalised: 0 },
    { key: 1, normalised: 0 },
  ];
  assert.deepEqual(outcomes(rows, {}), [miss, miss]);
  assert.deepEqual(outcomes(rows, { match: "normalised" }), [miss, l1]);
});

test("an invalidation drops its key from every tier, or all keys, and is no request", () => {
  const { dropKey, dropAll } = rowKind;
  const rows = [
    { key: 0 },
    { key: 1 },
    { key: 0, kind: dropKey },
    { key: 0 },
    { key: 1 },
    { key: 9, kind: dropAll },
    { key: 0 },
    { key: 1 },
  ];
  const expected = [miss, miss, notARequest, miss, l1, notARequest, miss, miss];
  assert.deepEqual(outcomes(rows, {}), expected);
  for (const inclusion of ["exclusive", "inclusive", "independent"]) {
    assert.deepEqual(outcomes(rows, { tiers: [roomy, roomy], inclusion }), expected, inclusion);
  }
  assert.deepEqual(outcomes(rows, { tiers: [{ policy: "belady", capacity: 5 }] }), expected, "belady");
});

test("an invalidation of one tenant and model drops their keys from every tier, and no others", () => {
  const asked = [
    { key: 0, tenant: "a" },
    { key: 1, tenant: "b" },
    { key: 2, tenant: "b" },
  ];
  const rows = [...asked, { key: 1, tenant: "b", kind: rowKind.dropScope }, ...asked];
  const expected = [miss, miss, miss, notARequest, l1, miss, miss];
  assert.deepEqual(outcomes(rows, {}), expected);
  assert.deepEqual(outcomes(rows, { tiers: [roomy, roomy] }), expected);
  assert.deepEqual(outcomes(rows, { match: "normalised" }), expected);
  const similar = rows.map((row) => ({ ...row, nearest: [-1, 0] as const }));
  const semantic = { match: "semantic", semantic: { similarity: "recorded", threshold: 1 } };
  assert.deepEqual(outcomes(similar, semantic), expected);
  // One tenant and one model: all that there is.
  const alone = rows.map(({ tenant: _, ...row }) => row);
  assert.deepEqual(outcomes(alone, {}), [miss, miss, miss, notARequest, miss, miss, miss]);
});

test("a cold start loses all; a replica that is away is routed around and comes back empty", () => {
  const rows = [0, 1, 2, 3, 4].map((at) => ({ key: 0, at }));
  assert.deepEqual(outcomes(rows, {}, [{ atMs: 2, what: "all" }]), [miss, l1, miss, l1, l1]);
  assert.deepEqual(outcomes(rows, {}, [{ atMs: 1, downMs: 2, what: "all" }]), [miss, miss, miss, miss, l1]);
  const tiers = { tiers: [roomy, roomy], replicas: 2, routing: "consistent-hash" };
  const lost = [0, 1].map((node) => outcomes(rows, tiers, [{ atMs: 2, downMs: 1, what: "l1", node }]));
  // The key lives on one of the two: losing that one sends a request to L2 through the other, and again when it is back.
  assert.deepEqual(lost.toSorted(), [
    [miss, l1, l1, l1, l1],
    [miss, l1, l2, l2, l1],
  ]);
});

test("a lost shard of L2 takes its keys and no others", () => {
  const keys = Array.from({ length: 40 }, (_, key) => key);
  const rows = [...keys.map((key) => ({ key, at: 0 })), ...keys.map((key) => ({ key, at: 10 }))];
  const after = outcomes(rows, {}, [{ atMs: 5, what: "l2", shards: 3, node: 1 }]).slice(40);
  for (const key of keys) assert.equal(after[key], nodeOf(key, 3) === 1 ? miss : l1);
  assert.ok(after.includes(miss) && after.includes(l1));
});

test("L2 answers what L1 has lost, and an exclusive pair holds each answer once", () => {
  const one = { policy: "lru", capacity: 1 };
  const rows = [0, 1, 0, 1, 2, 0].map((key) => ({ key }));
  const both = { tiers: [one, one], inclusion: "exclusive" };
  assert.deepEqual(outcomes(rows, both), [miss, miss, l2, l2, miss, miss]);
});

test("inclusive: what L2 evicts leaves L1 too; independent: L1 keeps it", () => {
  const tiers = [
    { policy: "lru", capacity: 2 },
    { policy: "lru", capacity: 1 },
  ];
  const rows = [0, 1, 0].map((key) => ({ key }));
  assert.deepEqual(outcomes(rows, { tiers, inclusion: "inclusive" }), [miss, miss, miss]);
  assert.deepEqual(outcomes(rows, { tiers, inclusion: "independent" }), [miss, miss, l1]);
});

test("a request that comes while its answer is being made joins it", () => {
  const rows = [0, 5, 10].map((at) => ({ key: 0, at }));
  const answerMs = new Float32Array([8, 8, 8]);
  assert.deepEqual(outcomes(rows, {}, [], { answerMs }), [miss, joined, l1]);
});

test("recorded similarity: the nearest row's entry answers from the threshold on", () => {
  const rows: SmallRow[] = [
    { key: 0 },
    { key: 1, nearest: [0, 0.95] },
    { key: 2, nearest: [1, 0.97] },
    { key: 3, nearest: [0, 0.8] },
  ];
  const semantic = (settings: object) => ({
    match: "semantic",
    semantic: { similarity: "recorded", ...settings },
  });
  // Row 2 is near row 1, whose answer was row 0's: how near row 2 is to row 0 is not in the log.
  assert.deepEqual(outcomes(rows, semantic({ threshold: 0.9 })), [miss, l1, miss, miss]);
  assert.deepEqual(outcomes(rows, semantic({ threshold: 0.9, chained: true })), [miss, l1, l1, miss]);
  assert.deepEqual(outcomes(rows, semantic({ threshold: 0.8 })), [miss, l1, miss, l1]);
});

test("computed similarity: the nearest entry held answers, and evicted ones do not", () => {
  const vectors = { values: Float32Array.from([1, 0, 0.8, 0.6, 0, 1]), dimensions: 2 };
  const rows = [{ key: 0 }, { key: 1 }, { key: 2 }, { key: 1 }];
  const settings = (threshold: number, capacity: number) => ({
    match: "semantic",
    tiers: [{ policy: "fifo", capacity }],
    semantic: { similarity: "computed", threshold },
  });
  assert.deepEqual(outcomes(rows, settings(0.75, 9), [], { vectors }), [miss, l1, miss, l1]);
  assert.deepEqual(outcomes(rows, settings(0.75, 1), [], { vectors }), [miss, l1, miss, miss]);
  assert.deepEqual(outcomes(rows, settings(0.9, 9), [], { vectors }), [miss, miss, miss, l1]);
});

test("what does not go together, or is not in the log, is refused", () => {
  const rows = [{ key: 0 }];
  const belady = { policy: "belady", capacity: 5 };
  assert.throws(() => outcomes(rows, { tiers: [belady, roomy] }), { code: "NOT_COMBINABLE" });
  assert.throws(() => outcomes(rows, { match: "semantic" }), { code: "NOT_COMBINABLE" });
  assert.throws(() => outcomes(rows, { replicas: 2, routing: "sticky" }), { code: "NOT_IN_LOG" });
  assert.throws(() => outcomes(rows, { tiers: [{ policy: "lru", capacity: 5, unit: "bytes" }] }), {
    code: "NOT_IN_LOG",
  });
});

test("sticky routing keeps a client at its replica", () => {
  const rows = Array.from({ length: 60 }, (_, row) => ({ key: row % 12, client: row % 12 }));
  const summary = outcomes(rows, { replicas: 4, routing: "sticky" });
  assert.ok(summary.slice(12).every((what) => what === l1));
});

test("shares: by request, by token and by byte, behind the warm-up", () => {
  const log = smallLog([
    { key: 0, prompt: 10, output: 10, bytes: 100 },
    { key: 1, prompt: 20, output: 0, bytes: 300 },
    { key: 0, prompt: 10, output: 10, bytes: 100 },
    { key: 0, prompt: 10, output: 10, bytes: 100 },
  ]);
  const spec = strategySchema.parse({ answers: { match: "exact", tiers: [roomy] } });
  const all = summarise(log, replay(log, spec));
  assert.deepEqual(all.hitShare, { byRequest: 0.5, byToken: 0.5, byByte: 1 / 3 });
  const warm = summarise(log, replay(log, spec), 0.25);
  assert.deepEqual(warm.hitShare, { byRequest: 2 / 3, byToken: 2 / 3, byByte: 0.4 });
});

test("for any requests: one row answers for its own key, and was itself a miss before", () => {
  const keys = fc.array(fc.nat(12), { minLength: 1, maxLength: 120 });
  const inclusion = fc.constantFrom("exclusive", "inclusive", "independent");
  const sizes = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }));
  const policy = fc.constantFrom("lru", "fifo", "sieve", "s3-fifo", "arc", "w-tinylfu", "2q", "lirs");
  fc.assert(
    fc.property(
      keys,
      inclusion,
      sizes,
      policy,
      fc.integer({ min: 1, max: 3 }),
      (requested, kind, [a, b], name, replicas) => {
        const log = smallLog(requested.map((key) => ({ key })));
        const tiers = [a, b].map((capacity) => ({ policy: name, capacity }));
        const spec = strategySchema.parse({ answers: { match: "exact", tiers, inclusion: kind, replicas } });
        const result = replay(log, spec);
        for (let row = 0; row < log.rows; row++) {
          const by = result.servedBy[row] as number;
          assert.equal(requested[by], requested[row]);
          assert.equal(result.outcome[by], miss);
          assert.equal(by === row, result.outcome[row] === miss);
        }
      },
    ),
  );
});

test("a key weighs what the first request with a known size says, and an invalidation says nothing", () => {
  const tiers = [{ policy: "lru", capacity: 100, unit: "bytes" }];
  const rows = [
    { key: 0, kind: rowKind.dropKey },
    { key: 0, bytes: 0 },
    { key: 0, bytes: 200 },
    { key: 1, bytes: 50 },
    { key: 1, bytes: 50 },
  ];
  // Key 0 is larger than the cache: it is never held.
  assert.deepEqual(outcomes(rows, { tiers }), [notARequest, miss, miss, miss, l1]);
});
