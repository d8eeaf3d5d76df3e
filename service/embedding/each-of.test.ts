import assert from "node:assert/strict";
import { test } from "node:test";
import { eachOf } from "./each-of.ts";

test("as many at a time as the limit says, and each once", async () => {
  const done: number[] = [];
  let underWay = 0;
  let most = 0;
  await eachOf([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++underWay);
    await Promise.resolve();
    underWay--;
    done.push(item);
  });
  assert.deepEqual([done.toSorted(), most], [[1, 2, 3, 4, 5], 2]);
});

test("after a failure none is begun", async () => {
  const begun: number[] = [];
  const failing = eachOf([1, 2, 3, 4, 5, 6], 2, async (item) => {
    begun.push(item);
    if (item === 1) throw new Error("ill");
    await new Promise((resolve) => setImmediate(resolve));
  });
  await assert.rejects(failing, /ill/);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(begun, [1, 2]);
});
