import assert from "node:assert/strict";
import { test } from "node:test";
import { sumPerStretch } from "./stretches.ts";

test("counts are summed for 100 ms each, from the first on", () => {
  const counts = [0, 30, 99, 100, 250, 260].map((atMs) => ({ atMs, count: 2 }));
  assert.deepEqual(sumPerStretch(counts), [
    { atMs: 0, count: 6 },
    { atMs: 100, count: 2 },
    { atMs: 250, count: 4 },
  ]);
});

test("where nothing was counted there is nothing to tell", () => {
  assert.deepEqual(sumPerStretch([{ atMs: 0, count: 0 }]), []);
  assert.deepEqual(sumPerStretch([]), []);
});
