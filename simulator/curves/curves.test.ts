import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { zipfRequests } from "../bench/zipf.ts";
import { lru } from "../policies/lru.ts";
import { readTrace, readWeightedTrace } from "../policies/traces.fixture.ts";
import { replay } from "../sweep/policy-run.ts";
import { type CurveInput, lruCurve } from "./lru-curve.ts";
import { createRecencyIndex } from "./recency-index.ts";
import { shardsCurve } from "./shards.ts";

/** Misses of a run of the LRU policy at each size. */
function byRuns({ requests, keys, sizes, weight, countFrom = 0 }: CurveInput): number[] {
  return sizes.map((capacity) => {
    const cache = lru.create({ capacity, keys, ...(weight === undefined ? {} : { weight }) });
    replay(cache, requests, 0, countFrom);
    return Math.max(0, requests.length - countFrom) - replay(cache, requests, countFrom);
  });
}

test("the curve from stack distances equals direct runs, at 20 sizes of each trace", async () => {
  for (const name of ["cloudPhysicsIO", "sprite", "loop"]) {
    const { requests, keys } = await readTrace(name);
    const sizes = Array.from({ length: 20 }, (_, i) => Math.max(1, Math.round(keys * ((i + 1) / 20) ** 3)));
    const input = { requests, keys, sizes };
    assert.deepEqual([...lruCurve(input).misses], byRuns(input), name);
  }
});

test("with weights it equals direct runs for sizes from the heaviest key up", async () => {
  const { requests, keys, weight } = await readWeightedTrace();
  const heaviest = weight.reduce((a, b) => Math.max(a, b));
  const sizes = Array.from({ length: 20 }, (_, i) => heaviest * 2 ** (i / 2));
  const input = { requests, keys, sizes: sizes.map(Math.round), weight };
  assert.deepEqual([...lruCurve(input).misses], byRuns(input));
});

test("any stream, any warm-up: the curve equals direct runs", () => {
  const streams = fc.array(fc.nat(30), { maxLength: 300, size: "max" }).map((keys) => Uint32Array.from(keys));
  const sizes = Array.from({ length: 32 }, (_, i) => i + 1);
  fc.assert(
    fc.property(streams, fc.nat(320), (requests, countFrom) => {
      const input = { requests, keys: 31, sizes, countFrom };
      assert.deepEqual([...lruCurve(input).misses], byRuns(input));
    }),
  );
});

test("the recency index tells the right depth after many renumberings", () => {
  const index = createRecencyIndex(2000, 1);
  const stack: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    // Few keys at first, then more than the index expected.
    const key = i < 10_000 ? (i * i * 7 + i) % 50 : (i * 7) % 1999;
    const at = stack.indexOf(key);
    assert.equal(index.has(key), at >= 0);
    if (at >= 0) {
      assert.equal(index.depth(key), at + 1);
      stack.splice(at, 1);
    }
    if (i % 11 === 0 && at >= 0) index.delete(key);
    else {
      index.touch(key, 1);
      stack.unshift(key);
    }
    assert.equal(index.size, stack.length);
  }
});

test("sampling every key gives the exact curve, and no error bar", async () => {
  const { requests, keys } = await readTrace("multi1");
  const sizes = [1, 10, 100, 500, 1000];
  const exact = lruCurve({ requests, keys, sizes });
  const sampled = shardsCurve({ requests, keys, sizes, rate: 1 });
  assert.deepEqual([...sampled.misses], [...exact.misses]);
  assert.deepEqual([...(sampled.error ?? [])], [0, 0, 0, 0, 0]);
});

/** Mean absolute error of the miss ratio, and the share of sizes at which the error bar holds the truth. */
function judge(input: CurveInput & { rate: number; maxKeys?: number }): { mae: number; covered: number } {
  const exact = lruCurve(input);
  const { misses, error } = shardsCurve(input);
  const off = [...misses].map((estimate, i) => Math.abs(estimate - (exact.misses[i] ?? 0)) / exact.requests);
  return {
    mae: off.reduce((a, b) => a + b, 0) / off.length,
    covered: off.filter((distance, i) => distance <= (error?.[i] ?? 0)).length / off.length,
  };
}

test("SHARDS at a fixed rate is near the exact curve, and its error bar says how near", () => {
  const keys = 100_000;
  const requests = zipfRequests(1_000_000, keys, 1, 5);
  const sizes = Array.from({ length: 50 }, (_, i) => 1000 * (i + 1));
  const tenth = judge({ requests, keys, sizes, rate: 0.1 });
  const hundredth = judge({ requests, keys, sizes, rate: 0.01 });
  assert.ok(tenth.mae < 0.004, `${tenth.mae}`);
  assert.ok(hundredth.mae < 0.015, `${hundredth.mae}`);
  assert.ok(tenth.covered > 0.8 && hundredth.covered > 0.8, `${tenth.covered}, ${hundredth.covered}`);
});

test("SHARDS of a fixed size keeps to it, and stays near the exact curve", async () => {
  const { requests, keys } = await readTrace("OLTP");
  const sizes = Array.from({ length: 40 }, (_, i) => 1000 * (i + 1));
  const { mae, covered } = judge({ requests, keys, sizes, rate: 0.5, maxKeys: 4000 });
  assert.ok(mae < 0.02, `${mae}`);
  assert.ok(covered > 0.8, `${covered}`);
});

test("SHARDS refuses rates and replicates that mean nothing", () => {
  const input = { requests: new Uint32Array(1), keys: 1, sizes: [1] };
  assert.throws(() => shardsCurve({ ...input, rate: 0 }), RangeError);
  assert.throws(() => shardsCurve({ ...input, rate: 1.5 }), RangeError);
  assert.throws(() => shardsCurve({ ...input, rate: 0.1, replicates: 1 }), RangeError);
});
