import assert from "node:assert/strict";
import { test } from "node:test";
import { createWallClock } from "./wall-clock.ts";

function clocks() {
  const state = { nowMs: 100, wallMs: 50_000, readingTakesMs: 0 };
  const offsets: number[] = [];
  const now = () => {
    state.nowMs += state.readingTakesMs;
    return state.nowMs;
  };
  const clock = createWallClock(
    now,
    (offset) => offsets.push(offset),
    () => state.wallMs,
  );
  return { state, offsets, clock };
}

test("wall time becomes run time, and the offset is told at once", () => {
  const { offsets, clock } = clocks();
  assert.deepEqual(offsets, [49_900.5]);
  assert.equal(clock.toRunMs(50_000.5), 100);
});

test("a wall clock that was set is followed", () => {
  const { state, offsets, clock } = clocks();
  state.nowMs += 1000;
  state.wallMs += 1000 + 3600_000;
  clock.check();
  assert.equal(offsets.length, 2);
  assert.equal(clock.toRunMs(state.wallMs + 0.5), 1100);
});

test("what was stamped before the clock was set is not taken for something else than it was", () => {
  for (const byMs of [3000, -3000]) {
    const { state, clock } = clocks();
    const pass = (ms: number) => {
      state.nowMs += ms;
      state.wallMs += ms;
    };
    pass(10_000);
    clock.check();
    pass(40);
    const stamp = state.wallMs + 0.5;
    pass(20);
    state.wallMs += byMs;
    pass(30);
    const after = state.wallMs + 0.5;
    clock.check();
    assert.equal(clock.toRunMs(stamp), 10_140, `set by ${byMs} ms`);
    assert.equal(clock.toRunMs(after), 10_190, `set by ${byMs} ms`);
    // What comes later is read by the new time alone, also while readings are interrupted.
    pass(1000);
    state.readingTakesMs = 40;
    clock.check();
    assert.equal(clock.toRunMs(state.wallMs + 0.5), 11_190, `set by ${byMs} ms`);
  }
});

test("a difference of 5 ms or less is noise", () => {
  const { state, offsets, clock } = clocks();
  state.nowMs += 1000;
  state.wallMs += 1005;
  clock.check();
  assert.equal(offsets.length, 1);
});

test("a reading that was interrupted says nothing", () => {
  const { state, offsets, clock } = clocks();
  state.readingTakesMs = 40;
  clock.check();
  assert.equal(offsets.length, 1);
});
