import assert from "node:assert/strict";
import { test } from "node:test";
import { type Policy, wrap } from "./policy.ts";

test("the first policy is the outermost", async () => {
  const order: string[] = [];
  const named =
    (name: string): Policy =>
    (call) =>
    (signal) => {
      order.push(name);
      return call(signal);
    };
  const value = await wrap(named("outer"), named("inner"))(async () => 7)(new AbortController().signal);
  assert.equal(value, 7);
  assert.deepEqual(order, ["outer", "inner"]);
});
