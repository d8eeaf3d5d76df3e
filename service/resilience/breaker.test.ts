import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { isShardFailure } from "../cache/redis-errors.ts";
import { BreakerOpen, type BreakerState, breaker } from "./breaker.ts";
import { DeadlineExceeded, deadlineIn } from "./deadline.ts";
import { type Policy, wrap } from "./policy.ts";
import { timeout } from "./timeout.ts";

const settings = {
  windowCalls: 4,
  minimumCalls: 2,
  failureShare: 0.5,
  openMs: 30,
  slowCallMs: 50,
  slowCallShare: 0.5,
  probeMs: 100,
};
const ill = new Error("ill");
const harmless = new Error("harmless");

let states: BreakerState[];
let nowMs: number;
let policy: Policy;
const now = () => nowMs;
const onState = (state: BreakerState) => void states.push(state);
beforeEach(() => {
  states = [];
  nowMs = 1_000_000;
  policy = breaker(settings, { isFailure: (thrown) => thrown === ill, onState, now });
});

const run = <T>(call: () => Promise<T>, signal = new AbortController().signal) => policy(call)(signal);
const fail = (thrown: Error) =>
  assert.rejects(
    run(() => Promise.reject(thrown)),
    thrown,
  );

async function open(): Promise<void> {
  await fail(ill);
  await fail(ill);
  assert.deepEqual(states, ["open"]);
}

test("opens on failures, and then calls nothing", async () => {
  await open();
  let calls = 0;
  await assert.rejects(
    run(async () => ++calls),
    BreakerOpen,
  );
  assert.equal(calls, 0);
});

test("errors that are no failures do not open it", async () => {
  for (let i = 0; i < 10; i++) await fail(harmless);
  assert.deepEqual(states, []);
});

test("half-open, one call probes and every other is rejected at once; its success closes it", async () => {
  await open();
  nowMs += settings.openMs;
  const gate = Promise.withResolvers<string>();
  const probe = run(() => gate.promise);
  const others = await Promise.allSettled(Array.from({ length: 50 }, () => run(async () => "through")));
  assert(others.every((other) => other.status === "rejected" && other.reason instanceof BreakerOpen));

  gate.resolve("well");
  assert.equal(await probe, "well");
  assert.deepEqual(states, ["open", "half-open", "closed"]);
  assert.equal(await run(async () => "through"), "through");
});

test("a probe that fails opens it again", async () => {
  await open();
  nowMs += settings.openMs;
  await fail(ill);
  assert.deepEqual(states, ["open", "half-open", "open"]);
});

/** A call whose caller leaves after so long. */
async function leaveAfter(ms: number): Promise<void> {
  const caller = new AbortController();
  const left = new Error("left");
  const call = run(
    () => new Promise<never>((_, reject) => caller.signal.addEventListener("abort", () => reject(left))),
    caller.signal,
  );
  nowMs += ms;
  caller.abort(left);
  await assert.rejects(call, left);
}

test("impatient callers keep it neither open nor their probes' place: the next call probes", async () => {
  await open();
  nowMs += settings.openMs;
  for (let i = 0; i < 10; i++) await leaveAfter(settings.slowCallMs - 1);
  assert.deepEqual(states, ["open", "half-open"]);
  assert.equal(await run(async () => "well"), "well");
  assert.deepEqual(states, ["open", "half-open", "closed"]);
});

test("a probe whose caller leaves once it is slow has shown that: it opens it again", async () => {
  await open();
  nowMs += settings.openMs;
  await leaveAfter(settings.slowCallMs);
  assert.deepEqual(states, ["open", "half-open", "open"]);
});

test("an error of the probe that is no failure does not close it: the next call probes", async () => {
  await open();
  nowMs += settings.openMs;
  await fail(harmless);
  assert.deepEqual(states, ["open", "half-open"]);
  await fail(harmless);
  assert.equal(await run(async () => "well"), "well");
  assert.deepEqual(states, ["open", "half-open", "closed"]);
});

test("a probe that hangs holds the others up for its own bound and no longer, and its end changes nothing", async () => {
  await open();
  nowMs += settings.openMs;
  const gate = Promise.withResolvers<string>();
  const hung = run(() => gate.promise);
  nowMs += settings.probeMs;
  const rejected = run(async () => "well");
  await assert.rejects(rejected, BreakerOpen);
  assert.deepEqual(states, ["open", "half-open", "open"]);
  nowMs += settings.openMs;
  assert.equal(await run(async () => "well"), "well");
  gate.resolve("late");
  assert.equal(await hung, "late");
  assert.deepEqual(states, ["open", "half-open", "open", "half-open", "closed"]);
});

test("a probe that ends well, but after its bound, does not close it, although nobody else has asked since", async () => {
  policy = breaker(
    { ...settings, slowCallMs: 10_000 },
    { isFailure: (thrown) => thrown === ill, onState, now },
  );
  await open();
  nowMs += settings.openMs;
  assert.equal(await run(taking(settings.probeMs)), "value");
  assert.deepEqual(states, ["open", "half-open", "open"]);
});

/** A call that takes so long. */
const taking = (ms: number) => async () => {
  nowMs += ms;
  return "value";
};

test("calls that succeed slowly return their value, and open it", async () => {
  assert.equal(await run(taking(settings.slowCallMs)), "value");
  assert.deepEqual(states, []);
  assert.equal(await run(taking(settings.slowCallMs)), "value");
  assert.deepEqual(states, ["open"]);
});

test("calls just under the bound do not open it", async () => {
  for (let i = 0; i < 10; i++) await run(taking(settings.slowCallMs - 1));
  assert.deepEqual(states, []);
});

test("a probe that succeeds slowly does not close it", async () => {
  await open();
  nowMs += settings.openMs;
  assert.equal(await run(taking(settings.slowCallMs)), "value");
  assert.deepEqual(states, ["open", "half-open", "open"]);
});

test("it says when to come back: what is left until it probes", async () => {
  await open();
  nowMs += 10;
  const thrown: unknown = await run(async () => "through").catch((reason: unknown) => reason);
  assert(thrown instanceof BreakerOpen);
  assert.equal(thrown.retryAfterMs, settings.openMs - 10);
});

test("while a probe is under way it says to come back after what a failed one would cost", async () => {
  await open();
  nowMs += settings.openMs;
  const gate = Promise.withResolvers<string>();
  const probe = run(() => gate.promise);
  nowMs += 10;
  const thrown: unknown = await run(async () => "through").catch((reason: unknown) => reason);
  assert(thrown instanceof BreakerOpen);
  assert.equal(thrown.retryAfterMs, settings.openMs);
  gate.resolve("well");
  await probe;
});

test("callers that leave do not open it", async () => {
  for (let i = 0; i < 10; i++) {
    const caller = new AbortController();
    const call = run(async () => {
      caller.abort(harmless);
      throw harmless;
    }, caller.signal);
    await assert.rejects(call, harmless);
  }
  assert.deepEqual(states, []);
});

test("what failed as its caller left has failed all the same", async () => {
  for (let i = 0; i < 2; i++) {
    const caller = new AbortController();
    const call = run(async () => {
      caller.abort(new Error("left"));
      throw ill;
    }, caller.signal);
    await assert.rejects(call, ill);
  }
  assert.deepEqual(states, ["open"]);
});

test("nothing is called for a caller who has left already, and it does not probe", async () => {
  await open();
  nowMs += settings.openMs;
  let calls = 0;
  await assert.rejects(
    run(async () => ++calls, AbortSignal.abort(harmless)),
    harmless,
  );
  assert.deepEqual([calls, states], [0, ["open"]]);
});

test("a failure begun before it opened does not open it again once it is closed", async () => {
  const late = Array.from({ length: 4 }, () => Promise.withResolvers<never>());
  const begunBefore = late.map((gate) => run(() => gate.promise));
  await open();
  nowMs += settings.openMs;
  await run(async () => "well");
  for (const gate of late) gate.reject(ill);
  for (const call of begunBefore) await assert.rejects(call, ill);
  assert.deepEqual(states, ["open", "half-open", "closed"]);
});

test("a failure begun before it opened does not end a probe", async () => {
  const late = Promise.withResolvers<never>();
  const begunBefore = run(() => late.promise);
  await open();
  nowMs += settings.openMs;
  const gate = Promise.withResolvers<string>();
  const probe = run(() => gate.promise);
  late.reject(ill);
  await assert.rejects(begunBefore, ill);
  gate.resolve("well");
  await probe;
  assert.deepEqual(states, ["open", "half-open", "closed"]);
});

/** To a shard, every error is a failure but for two: see isShardFailure. */
const shardPolicy = () => {
  const shard = breaker(settings, { isFailure: isShardFailure, onState, now });
  return wrap(shard, timeout(60_000));
};
const never = () => new Promise<never>(() => undefined);

test("callers that leave a shard are neither its failures nor its successes", async () => {
  const shard = shardPolicy();
  const signal = new AbortController().signal;
  await assert.rejects(shard(() => Promise.reject(ill))(signal), ill);
  for (let i = 0; i < 10; i++) {
    const caller = new AbortController();
    const call = shard(never)(caller.signal);
    caller.abort(new Error("left"));
    await assert.rejects(call, /left/);
  }
  assert.deepEqual(states, []);
  await assert.rejects(shard(() => Promise.reject(ill))(signal), ill);
  assert.deepEqual(states, ["open"]);
});

test("a deadline that passes during a shard's call is not the shard's failure", async () => {
  const shard = shardPolicy();
  for (let i = 0; i < 10; i++) {
    const bounded = wrap(deadlineIn(2, performance.now.bind(performance)).policy, shard);
    await assert.rejects(bounded(never)(new AbortController().signal), DeadlineExceeded);
  }
  assert.deepEqual(states, []);
});
