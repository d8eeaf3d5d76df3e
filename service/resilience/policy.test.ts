import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { bulkhead } from "./bulkhead.ts";
import { deadlineIn } from "./deadline.ts";
import { type Policy, untilAborted, wrap } from "./policy.ts";

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

test("nothing is called for who has left before", async () => {
  let calls = 0;
  const left = new Error("left");
  await assert.rejects(
    untilAborted(async () => ++calls, AbortSignal.abort(left)),
    left,
  );
  assert.equal(calls, 0);
});

test("a call that is over leaves no listener at its caller's signal, however it ended", async () => {
  // Some signals live as long as the process: what stays there is a leak.
  const { signal } = new AbortController();
  const places = bulkhead({ limit: 1, queue: 5 }).policy;
  const around: Record<string, Policy> = {
    untilAborted: (call) => (inner) => untilAborted(call, inner),
    deadline: deadlineIn(60_000, () => performance.now()).policy,
    bulkhead: places,
  };
  for (const [name, policy] of Object.entries(around)) {
    const well = policy(async () => "well");
    const ill = policy(() => Promise.reject(new Error("ill")));
    await Promise.all(Array.from({ length: 4 }, () => well(signal)));
    await ill(signal).catch(() => undefined);
    assert.equal(getEventListeners(signal, "abort").length, 0, name);
  }
});
