import assert from "node:assert/strict";
import { test } from "node:test";
import { lostConnection, sample } from "../../testing/recorded-run.ts";
import { quantile, sortedDurationsMs } from "./quantile.ts";

test("a quantile is the order statistic of rank ceil(q·n)", () => {
  const sorted = sortedDurationsMs(Array.from({ length: 100 }, (_, i) => sample(i, { durationMs: 100 - i })));
  assert.deepEqual(
    [0.01, 0.5, 0.99, 0.995].map((q) => quantile(sorted, q)),
    [1, 50, 99, 100],
  );
  assert.ok(Number.isNaN(quantile(new Float64Array(), 0.5)));
});

test("failing fast does not lower a quantile", () => {
  const samples = Array.from({ length: 100 }, (_, i) =>
    sample(i, i < 2 ? { ...lostConnection, durationMs: 0 } : {}),
  );
  assert.equal(quantile(sortedDurationsMs(samples), 0.98), 10);
  assert.equal(quantile(sortedDurationsMs(samples), 0.99), Number.POSITIVE_INFINITY);
});
