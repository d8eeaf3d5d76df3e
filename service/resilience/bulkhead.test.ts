import assert from "node:assert/strict";
import { test } from "node:test";
import { BulkheadFull, bulkhead } from "./bulkhead.ts";

const signal = () => new AbortController().signal;

test("one more call than there are places is rejected at once, and a place that is freed is had again", async () => {
  const full = bulkhead(2);
  const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const running = gates.map((gate) => full(() => gate.promise)(signal()));
  await assert.rejects(full(async () => "third")(signal()), BulkheadFull);

  gates[0]?.resolve("first");
  assert.equal(await running[0], "first");
  assert.equal(await full(async () => "third")(signal()), "third");
  gates[1]?.reject(new Error("second failed"));
  await assert.rejects(async () => running[1], { message: "second failed" });
  assert.equal(await full(async () => "fourth")(signal()), "fourth");
});
