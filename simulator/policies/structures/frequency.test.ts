import assert from "node:assert/strict";
import { test } from "node:test";
import { createFrequencySketch } from "./frequency.ts";

test("counts what was recorded, up to 15", () => {
  const sketch = createFrequencySketch(1000);
  for (let i = 0; i < 5; i++) sketch.record(7);
  for (let i = 0; i < 40; i++) sketch.record(8);
  assert.deepEqual([sketch.frequency(7), sketch.frequency(8), sketch.frequency(9)], [5, 15, 0]);
});

test("halves all counts after ten times as many additions as slots", () => {
  const sketch = createFrequencySketch(16);
  for (let i = 0; i < 8; i++) sketch.record(1);
  for (let i = 0; sketch.frequency(1) >= 8 && i < 160; i++) sketch.record(100 + i);
  assert.ok(sketch.frequency(1) <= 5, `${sketch.frequency(1)}`);
});

test("what is counted up to 15 already brings the halving no nearer", () => {
  const sketch = createFrequencySketch(16);
  for (let i = 0; i < 4; i++) sketch.record(2);
  for (let i = 0; i < 1000; i++) sketch.record(1);
  assert.deepEqual([sketch.frequency(1), sketch.frequency(2)], [15, 4]);
});
