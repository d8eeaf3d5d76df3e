import assert from "node:assert/strict";
import { test } from "node:test";
import { zipfRequests } from "./zipf.ts";

test("popularity falls as one over the rank, and ids come in the order of first appearance", () => {
  const keys = 1000;
  const requests = zipfRequests(500_000, keys, 1, 2);
  const counts = new Float64Array(keys);
  let highest = -1;
  for (const key of requests) {
    assert.ok(key <= highest + 1);
    highest = Math.max(highest, key);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  const ranked = counts.sort().reverse();
  const harmonic = Array.from({ length: keys }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b);
  for (const rank of [1, 2, 10, 100]) {
    const expected = 500_000 / (rank * harmonic);
    assert.ok(Math.abs((ranked[rank - 1] ?? 0) / expected - 1) < 0.1, `rank ${rank}`);
  }
  assert.deepEqual(zipfRequests(100, keys, 1, 2), requests.slice(0, 100));
});
