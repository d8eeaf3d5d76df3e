import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../../journal/event.ts";
import { createRecentSamples } from "./recent-samples.ts";

function sample(startMs: number, durationMs: number, status = 200): Sample {
  const stamp = { source: "k6", arm: "main", attempt: 1 };
  return { startMs, durationMs, status, error: "", phase: "fault", cache: "", answer: "", ...stamp };
}

test("nothing is known of moments in which no request ended", () => {
  assert.deepEqual(createRecentSamples(2000).at(5000), { ratePerS: 0 });
});

test("requests count from their end, and for the window's length", () => {
  const recent = createRecentSamples(2000);
  recent.add(sample(0, 1500));
  assert.equal(recent.at(3400).ratePerS, 0.5);
  assert.equal(recent.at(3500).ratePerS, 0);
});

test("the p99 is the time that 99 of 100 requests do not exceed", () => {
  const recent = createRecentSamples(2000);
  for (let ms = 1; ms <= 100; ms++) recent.add(sample(0, ms));
  assert.equal(recent.at(100).p99Ms, 99);
});

test("a failed request lowers the share and is infinitely slow", () => {
  const recent = createRecentSamples(2000);
  for (let ms = 1; ms <= 3; ms++) recent.add(sample(0, ms));
  recent.add(sample(0, 1, 503));
  assert.deepEqual(recent.at(100), {
    ratePerS: 2,
    successShare: 0.75,
    p99Ms: Number.POSITIVE_INFINITY,
  });
});
