import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration, formatShare } from "./format.ts";

test("a share that misses its limit never reads as if it met it", () => {
  assert.equal(formatShare(0.98999999), "98.999%");
  assert.equal(formatShare(0.99), "99%");
  assert.equal(formatShare(0.57), "57%");
  assert.equal(formatShare(0.9995), "99.95%");
});

test("a duration that misses its limit never reads as if it met it", () => {
  assert.equal(formatDuration(800.01), "800.1 ms");
  assert.equal(formatDuration(800), "800 ms");
  assert.equal(formatDuration(2400), "2.4 s");
  assert.equal(formatDuration(8000.5), "8.01 s");
  assert.equal(formatDuration(Number.POSITIVE_INFINITY), "∞");
});
