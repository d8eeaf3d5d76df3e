import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { eventLoopDelay } from "./event-loop-delay.ts";

function pause(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test("a loop that has nothing to do is told to be in time: what the looks lie apart is no delay", async () => {
  let nowMs = 0;
  const lateMs = eventLoopDelay(500, () => nowMs);
  nowMs += 500;
  assert.equal(lateMs(), 0, "it has not looked yet");
  // Other processes may hold this one up; not at every look.
  for (let look = 1; ; look++) {
    await delay(200);
    nowMs += 500;
    if (lateMs() < 5) break;
    assert(look < 100, "always late");
  }
});

test("a loop that is always late is told to be, and one look is kept for a while", async () => {
  let nowMs = 0;
  const lateMs = eventLoopDelay(500, () => nowMs);
  for (let i = 0; i < 30; i++) {
    pause(50);
    await delay(1);
  }
  assert.equal(lateMs(), 0, "500 ms are not over yet");
  nowMs += 500;
  const late = lateMs();
  assert(late > 20, `${late} ms`);
  await delay(300);
  assert.equal(lateMs(), late);
  // What was late before the last look is over: a mean since the start would fall ever more slowly.
  nowMs += 500;
  assert(lateMs() < late / 2, `${lateMs()} ms after ${late} ms`);
});

test("one long pause moves it a little", async () => {
  let nowMs = 0;
  const lateMs = eventLoopDelay(500, () => nowMs);
  // It begins to look with the first turn.
  await delay(50);
  pause(400);
  await delay(600);
  nowMs += 500;
  const late = lateMs();
  assert(late > 2 && late < 100, `${late} ms`);
});
