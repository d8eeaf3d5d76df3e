import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineRefusal } from "../inference/engine.ts";
import { BreakerOpen } from "../resilience/breaker.ts";
import { BulkheadFull } from "../resilience/bulkhead.ts";
import { DeadlineExceeded } from "../resilience/deadline.ts";
import { AttemptTimeout } from "../resilience/timeout.ts";
import { observed } from "./observed.ts";

/** What is told of a call, by what it throws, and by why its caller gave it up, if so. */
async function toldOf(thrown: unknown, givenUp?: unknown): Promise<string[]> {
  const told: string[] = [];
  const caller = new AbortController();
  const call = observed("model", (dependency, outcome) => void told.push(`${dependency} ${outcome}`));
  const made = call(async () => {
    if (givenUp !== undefined) caller.abort(givenUp);
    throw thrown;
  })(caller.signal);
  await assert.rejects(made, (rejected) => rejected === thrown);
  return told;
}

test("a call that comes to an answer is ok, and told once", async () => {
  const told: unknown[] = [];
  const policy = observed("redis-read", (...record) => void told.push(record.slice(0, 2)));
  assert.equal(await policy(async () => "value")(new AbortController().signal), "value");
  assert.deepEqual(told, [["redis-read", "ok"]]);
});

test("each end has a name of its own, and what was thrown is passed on as it is", async () => {
  for (const [thrown, outcome] of [
    [new AttemptTimeout("slow"), "timeout"],
    // ioredis has the same timeout, and may be first.
    [new Error("Command timed out"), "timeout"],
    [new BreakerOpen(10), "breaker-open"],
    [new BulkheadFull("full"), "bulkhead-full"],
    [new EngineRefusal(400, null, "no"), "refused"],
    [new Error("anything else"), "error"],
  ] as const)
    assert.deepEqual(await toldOf(thrown), [`model ${outcome}`]);
});

test("who gave up is told apart, whatever the call makes of it: a deadline that passed, a caller who left", async () => {
  for (const [reason, outcome] of [
    [new DeadlineExceeded(), "deadline"],
    [new Error("given up", { cause: new DeadlineExceeded() }), "deadline"],
    [new Error("the caller left"), "cancelled"],
  ] as const)
    assert.deepEqual(await toldOf(new Error("aborted"), reason), [`model ${outcome}`]);
});

test("how long a call took is told in seconds, its failures too", async () => {
  const seconds: number[] = [];
  const policy = observed("model", (_dependency, _outcome, took) => void seconds.push(took));
  const began = performance.now();
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, 20);
  const { signal } = new AbortController();
  await Promise.allSettled([
    policy(() => promise)(signal),
    policy(() => promise.then(() => Promise.reject(new Error("no"))))(signal),
  ]);
  const whole = (performance.now() - began) / 1000;
  assert.equal(seconds.length, 2);
  for (const took of seconds) assert(took >= 0.015 && took <= whole, `${took} of ${whole}`);
});
