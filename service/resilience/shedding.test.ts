import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock, virtualServer } from "../testing/virtual-server.ts";
import { adaptiveLimit } from "./adaptive-limit.ts";
import { type Priority, priorities } from "./priority.ts";
import { Shed, shedding } from "./shedding.ts";

const idle = () => new AbortController().signal;
const never = () => new Promise<never>(() => undefined);

/** Shedding with a limit that stays. */
function shedAt(current: number) {
  const observed: number[] = [];
  const begunWith: number[] = [];
  const shed: Priority[] = [];
  const admission = shedding({
    limit: {
      current: () => current,
      observe({ delayMs, inFlight }) {
        observed.push(delayMs);
        begunWith.push(inFlight);
      },
    },
    delayMs: () => 7,
    onShed: (priority) => shed.push(priority),
    now: () => 0,
  });
  return { ...admission, observed, begunWith, shed };
}

test("the lower the priority, the sooner it is shed; and no priority is beyond the limit", async () => {
  const { policy, inFlight, shed } = shedAt(10);
  for (const [priority, places] of [
    ["low", 7],
    ["normal", 9],
    ["high", 10],
  ] as const) {
    for (let i = inFlight(); i < places; i++) policy(priority)(never)(idle()).catch(() => undefined);
    await assert.rejects(policy(priority)(never)(idle()), Shed);
  }
  assert.deepEqual(shed, ["low", "normal", "high"]);
  assert.equal(inFlight(), 10);
});

test("of a limit that does not divide, each priority has the whole places below its share", async () => {
  const { policy, inFlight } = shedAt(5);
  for (const [priority, places] of [
    ["low", 3],
    ["normal", 4],
    ["high", 5],
  ] as const) {
    for (let i = inFlight(); i < places; i++) policy(priority)(never)(idle()).catch(() => undefined);
    await assert.rejects(policy(priority)(never)(idle()), Shed);
  }
});

test("who has left before is not counted as shed", async () => {
  const { policy, shed } = shedAt(1);
  policy("high")(never)(idle()).catch(() => undefined);
  const left = new Error("left");
  await assert.rejects(policy("high")(never)(AbortSignal.abort(left)), left);
  assert.deepEqual(shed, []);
});

test("however low the limit is, one of each priority may be under way", async () => {
  const { policy } = shedAt(1);
  for (const priority of priorities) {
    const gate = Promise.withResolvers<void>();
    const first = policy(priority)(() => gate.promise)(idle());
    await assert.rejects(policy("high")(never)(idle()), Shed);
    gate.resolve();
    await first;
  }
});

test("a caller who leaves frees the place at once, and teaches nothing; what a call took is not what is learnt", async () => {
  const { policy, inFlight, observed, begunWith } = shedAt(1);
  const caller = new AbortController();
  const left = new Error("left");
  const leaving = policy("normal")(never)(caller.signal);
  caller.abort(left);
  await assert.rejects(leaving, left);
  assert.deepEqual([inFlight(), observed], [0, []]);
  await policy("normal")(async () => "well")(idle());
  assert.deepEqual(observed, [7]);
  assert.deepEqual(begunWith, [1]);
});

test("at three times what a server can do, low is shed first, and nearly all that is let in is answered in time", async () => {
  const clock = virtualClock();
  const server = virtualServer(clock, 10, 100);
  const targetMs = 300;
  const { policy } = shedding({
    limit: adaptiveLimit({ initial: 50, minimum: 2, maximum: 100, targetMs, minimumCalls: 10 }),
    delayMs: (tookMs) => tookMs,
    onShed: () => undefined,
    now: clock.now,
  });
  const counts = { low: { good: 0, shed: 0 }, normal: { good: 0, shed: 0 }, high: { good: 0, shed: 0 } };
  let late = 0;
  // 300/s: a third low, half normal, a sixth high.
  const mix: readonly Priority[] = ["low", "normal", "high", "normal", "low", "normal"];
  const seconds = 30;
  for (let i = 0; i < 300 * seconds; i++) {
    clock.at((i * 1000) / 300, () => {
      const priority = mix[i % mix.length] ?? "normal";
      const began = clock.now();
      policy(priority)(server.call)(idle()).then(
        () => (clock.now() - began <= 1000 ? counts[priority].good++ : late++),
        () => counts[priority].shed++,
      );
    });
  }
  await clock.runUntil(seconds * 1000);
  const told = JSON.stringify({ counts, late });
  const shareShed = ({ good, shed }: { good: number; shed: number }) => shed / (good + shed);
  assert(counts.low.good + counts.normal.good + counts.high.good > 0.9 * 100 * seconds, told);
  assert(late < 0.02 * 100 * seconds, told);
  assert(shareShed(counts.low) > 0.95, told);
  assert(shareShed(counts.normal) > shareShed(counts.high) + 0.3, told);
});
