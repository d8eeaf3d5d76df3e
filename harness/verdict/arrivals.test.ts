import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countArrivals } from "./arrivals.ts";

const schedule = { ratePerS: 100, durationMs: 10_000, beganMs: 0 };
const all = Array.from({ length: 1000 }, (_, index) => index * 10);
const everything = { fromMs: Number.NEGATIVE_INFINITY, untilMs: 20_000 };

function lostIn(startsMs: readonly number[], fromMs: number, untilMs: number): number {
  return countArrivals(
    schedule,
    startsMs.toSorted((a, b) => a - b),
    [],
  ).lost({ fromMs, untilMs });
}

function about(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 2, `${actual} is not about ${expected}`);
}

test("nothing is lost of a schedule that was kept", () => {
  const arrivals = countArrivals(schedule, all, []);
  assert.equal(arrivals.lost(everything), 0);
  for (let fromMs = 0; fromMs < 10_000; fromMs += 700) {
    assert.equal(arrivals.missing({ fromMs, untilMs: fromMs + 700 }), 0);
  }
});

test("a stall that the load generator catches up with loses nothing", () => {
  const stalled = all.map((atMs) => (atMs >= 3000 && atMs < 3500 ? 3500 + (atMs - 3000) / 10 : atMs));
  assert.equal(lostIn(stalled, 3000, 3500), 0);
  assert.equal(lostIn(stalled, 0, 10_000), 0);
  const { missing } = countArrivals(schedule, stalled, []);
  assert.equal(missing({ fromMs: 0, untilMs: 10_000 }), 0);
  // But what was sent after a window was not sent in it.
  about(missing({ fromMs: 1000, untilMs: 3500 }), 50);
  about(missing({ fromMs: 3250, untilMs: 3500 }), 25);
  assert.equal(missing({ fromMs: 3500, untilMs: 9000 }), 0);
});

test("pauses of the load generator up to 100 ms are nobody's loss, wherever a window ends", () => {
  const pausing = all.map((atMs) => (atMs % 1000 < 100 ? atMs - (atMs % 1000) + 100 : atMs));
  const { missing } = countArrivals(schedule, pausing, []);
  for (let untilMs = 1000; untilMs < 10_000; untilMs += 10) {
    assert.equal(missing({ fromMs: untilMs - 950, untilMs }), 0, `${untilMs}`);
  }
});

test("a hole is lost where it is", () => {
  const holed = all.filter((atMs) => atMs < 3000 || atMs >= 3500);
  about(lostIn(holed, 3000, 3500), 50);
  about(lostIn(holed, 3250, 10_000), 25);
  assert.equal(lostIn(holed, 0, 2990), 0);
  assert.equal(lostIn(holed, 3510, 10_000), 0);
  about(lostIn(holed, 0, 10_000), 50);
});

test("a load generator that is killed loses the rest", () => {
  const cut = all.filter((atMs) => atMs < 6000);
  about(lostIn(cut, 6000, 8000), 200);
  assert.equal(lostIn(cut, 0, 5900), 0);
});

test("requests under way when the load is stopped are lost where they began", () => {
  const hanging = all.filter((atMs) => atMs < 8000 || atMs % 20 === 0);
  about(lostIn(hanging, 8000, 10_000), 100);
});

test("first arrivals that were late make the others neither early nor lost", () => {
  const late = all.map((atMs) => Math.max(atMs, 200));
  assert.equal(lostIn(late, 0, 10_000), 0);
  assert.equal(lostIn(late, 9000, 11_000), 0);
});

test("arrivals that were never begun before the load was over are lost, but for as many as edges explain", () => {
  assert.equal(lostIn(all.slice(0, -2), 5000, 10_000), 0);
  about(lostIn(all.slice(0, -8), 5000, 10_000), 8);
  about(lostIn(all.slice(0, -50), 5000, 10_000), 50);
});

test("a stretch before the first arrival that was seen shows at the end of the schedule", () => {
  about(lostIn(all.slice(100), 0, 12_000), 100);
});

test("requests that are heard of before the first ones make nothing lost", () => {
  // The first 2.5 s of them take so long that the load seems to begin with a later one.
  const arrivals = countArrivals({ ...schedule, beganMs: 2500 }, all, []);
  assert.equal(arrivals.lost({ fromMs: 2500, untilMs: 12_500 }), 0);
});

test("no arrival that is dated wrongly or reported twice hides what was lost elsewhere", () => {
  const holed = all.filter((atMs) => atMs < 5100 || atMs >= 6000);
  const early = (...dated: number[]) => [...dated, ...holed.slice(dated.length)];
  for (const seen of [early(-900), early(-2000, -1990), [...holed, ...all.slice(0, 90)]]) {
    about(lostIn(seen, 5000, 9000), 90);
    about(lostIn(seen, 1000, 10_000), 90);
    assert.equal(lostIn(seen, 1000, 5000), 0);
  }
  const moved = holed.map((atMs) => (atMs === 4990 ? -1010 : atMs));
  about(lostIn(moved, 5000, 9000), 90);
  // Nor one that is dated too late.
  about(lostIn([...holed.slice(0, -1), 3_600_000], 5000, 9000), 90);
});

test("a hole of a few is seen, and edges are none", () => {
  about(
    lostIn(
      all.filter((_, index) => index < 300 || index >= 304),
      1000,
      9000,
    ),
    4,
  );
  assert.equal(
    lostIn(
      all.filter((_, index) => index < 300 || index >= 302),
      1000,
      9000,
    ),
    0,
  );
});

test("without a single arrival all are lost, unless the load never began", () => {
  about(countArrivals(schedule, [], []).lost(everything), 1000);
  assert.equal(countArrivals({ ...schedule, beganMs: undefined }, [], []).lost(everything), 0);
});

test("dropped arrivals are missing where they were dropped, and not lost", () => {
  const kept = all.filter((atMs) => atMs < 3000 || atMs >= 3500);
  const drops = [
    { atMs: 3100, count: 10 },
    { atMs: 3490, count: 40 },
  ];
  const arrivals = countArrivals(schedule, kept, drops);
  assert.equal(arrivals.lost(everything), 0);
  // 10 dropped, and 30 that were due and of which it was told later.
  about(arrivals.missing({ fromMs: 3000, untilMs: 3400 }), 40);
  assert.equal(arrivals.missing({ fromMs: 3400, untilMs: 3500 }), 40);
  // What is lost beside them is missing, too.
  const fewer = kept.filter((atMs) => atMs < 5000 || atMs >= 5500);
  about(countArrivals(schedule, fewer, drops).missing({ fromMs: 2000, untilMs: 9000 }), 100);
});

test("jitter loses nothing, and of what is removed no more is overlooked than slack and jitter can hide", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 30 }), { minLength: 1000, maxLength: 1000 }),
      fc.integer({ min: 50, max: 900 }),
      fc.nat({ max: 80 }),
      (jitters, from, length) => {
        const jittered = all.map((atMs, index) => atMs + (jitters[index] ?? 0));
        assert.equal(lostIn(jittered, 0, 10_000), 0);
        const holed = jittered.filter((_, index) => index < from || index >= from + length);
        const lost = lostIn(holed, 0, 11_000);
        assert.ok(lost <= length + 2 && lost >= length - 6, `${lost} of ${length}`);
      },
    ),
    { numRuns: 50 },
  );
});
