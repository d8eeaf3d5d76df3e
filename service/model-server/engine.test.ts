import assert from "node:assert/strict";
import { test } from "node:test";
import { createBatch } from "./batching.ts";
import { type Clock, createEngine } from "./engine.ts";

/** A clock that the test moves. A timer fires when `moveTo` passes it: as late as the test makes it. */
function manualClock() {
  let nowMs = 1000;
  const timers: { at: number; wake: () => void }[] = [];
  const clock: Clock = {
    now: () => nowMs,
    wakeAfter: (delayMs, wake) => void timers.push({ at: nowMs + delayMs, wake }),
  };
  return {
    clock,
    timers,
    /** Passes time in which no timer can fire. */
    blockUntil: (atMs: number) => {
      nowMs = atMs;
    },
    moveTo: (atMs: number) => {
      nowMs = atMs;
      for (const due of timers.filter(({ at }) => at <= nowMs)) {
        timers.splice(timers.indexOf(due), 1);
        due.wake();
      }
    },
  };
}

/** An engine whose steps take 7.5 ms, and the tokens that it has made. */
function start() {
  const { clock, ...time } = manualClock();
  const engine = createEngine(
    createBatch({ maxSequences: 8, maxStepTokens: 2048 }, () => 7.5),
    clock,
  );
  const made: string[] = [];
  const sequence = (name: string, outputTokens: number) => ({
    promptTokens: 10,
    outputTokens,
    onToken: (produced: number) => made.push(`${name}${produced}`),
  });
  return { engine, ...time, made, sequence };
}

test("each step ends when its time is over, and an idle engine has no timer", () => {
  const { engine, timers, moveTo, made, sequence } = start();
  assert.equal(timers.length, 0);
  engine.submit(sequence("a", 2));
  moveTo(1007);
  assert.deepEqual(made, []);
  moveTo(1008);
  assert.deepEqual(made, ["a1"]);
  moveTo(1015);
  assert.deepEqual(made, ["a1", "a2"]);
  assert.equal(timers.length, 0);
  engine.submit(sequence("b", 1));
  moveTo(1023);
  assert.deepEqual(made, ["a1", "a2", "b1"]);
  assert.equal(timers.length, 0);
});

test("a late timer makes no step late but its own", () => {
  const { engine, moveTo, made, sequence } = start();
  engine.submit(sequence("a", 20));
  moveTo(1100);
  assert.equal(made.length, 13, "100 ms hold 13 steps of 7.5 ms");
  moveTo(1105);
  assert.equal(made.length, 14, "the 14th is due at 1105");
});

test("a step that was due before an arrival does not take it in", () => {
  const { engine, blockUntil, moveTo, made, sequence } = start();
  engine.submit(sequence("a", 4));
  // The event loop was blocked: three steps are due, and their timer comes after the arrival.
  blockUntil(1025);
  engine.submit(sequence("b", 1));
  assert.deepEqual(made, ["a1", "a2", "a3"]);
  moveTo(1030);
  assert.deepEqual(made.slice(3), ["a4"]);
  moveTo(1038);
  assert.deepEqual(made.slice(3), ["a4", "b1"]);
});

test("a stopped engine does no work: at most 250 ms are caught up", () => {
  const { engine, moveTo, made, sequence } = start();
  engine.submit(sequence("a", 10_000));
  moveTo(61_000);
  assert.ok(made.length >= 33 && made.length <= 35, `${made.length} steps after 60 s stopped`);
});

test("a cancelled sequence leaves the engine idle", () => {
  const { engine, timers, moveTo, made, sequence } = start();
  const gone = sequence("a", 100);
  engine.submit(gone);
  moveTo(1008);
  engine.cancel(gone);
  moveTo(1016);
  moveTo(1100);
  assert.deepEqual(made, ["a1"]);
  assert.equal(timers.length, 0);
});
