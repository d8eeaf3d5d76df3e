import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ageMs, drawFreshForMs, standingOf } from "./freshness.ts";

const settings = { revalidateMs: 50, staleMs: 200, earlyBeta: undefined };
const entry = { storedAt: 1000, freshForMs: 100, computeMs: 40 };
const at = (now: number, maxAgeMs?: number) => standingOf(entry, maxAgeMs, now, 0.5, settings);

/** A generator with a seed (mulberry32), so that a share that was drawn is the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("an entry is fresh, then revalidated, then a last resort, then useless: each from its own limit on", () => {
  const standings = [1000, 1099, 1100, 1149, 1150, 1299, 1300].map((now) => at(now));
  assert.deepEqual(standings, [
    ...["fresh", "fresh", "revalidate", "revalidate", "last-resort", "last-resort", "useless"],
  ]);
});

test("without stale-while-revalidate it is a last resort as soon as it is not fresh", () => {
  assert.equal(
    standingOf(entry, undefined, 1100, 0.5, { ...settings, revalidateMs: undefined }),
    "last-resort",
  );
});

test("a request's max-age rules out older entries, fresh or not, and makes none fresher", () => {
  assert.deepEqual(
    [at(1010, 10), at(1011, 10), at(1120, 119), at(1120, 500)],
    [...["fresh", "useless", "useless", "revalidate"]],
  );
});

test("an entry from a clock that is ahead is new, and no longer fresh than one from now", () => {
  assert.equal(ageMs({ storedAt: 5000 }, 1000), 0);
  assert.equal(standingOf({ ...entry, storedAt: 5000 }, 0, 1000, 0.5, settings), "fresh");
});

test("as an entry ages, its standing only falls", () => {
  const order = ["fresh", "early", "revalidate", "last-resort", "useless"];
  const durations = fc.nat(1000);
  fc.assert(
    fc.property(
      fc.record({ freshForMs: durations, computeMs: durations }),
      fc.record({ revalidateMs: durations, staleMs: durations }),
      fc.tuple(durations, durations),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      ({ freshForMs, computeMs }, limits, [a, b], uniform) => {
        const place = (age: number) =>
          order.indexOf(
            standingOf({ storedAt: 0, freshForMs, computeMs }, undefined, age, uniform, {
              ...limits,
              earlyBeta: 1,
            }),
          );
        assert(place(Math.min(a, b)) <= place(Math.max(a, b)));
      },
    ),
  );
});

test("the share of early refreshes is exp(-left / (beta * delta))", () => {
  const draws = 40_000;
  const random = seeded(7);
  for (const earlyBeta of [0.5, 1, 2]) {
    for (const left of [1, 20, 40, 90]) {
      const now = entry.storedAt + entry.freshForMs - left;
      let early = 0;
      for (let i = 0; i < draws; i++) {
        if (standingOf(entry, undefined, now, random(), { ...settings, earlyBeta }) === "early") early++;
      }
      const expected = Math.exp(-left / (earlyBeta * entry.computeMs));
      // Five standard deviations of a binomial share.
      const bound = 5 * Math.sqrt((expected * (1 - expected)) / draws);
      assert(Math.abs(early / draws - expected) <= bound, `${early / draws} is not ${expected} ± ${bound}`);
    }
  }
});

test("without early refresh, or where making it takes no time, a fresh entry is fresh to its end", () => {
  for (const uniform of [0, 0.5, 1 - Number.EPSILON]) {
    assert.equal(standingOf(entry, undefined, 1099, uniform, settings), "fresh");
    const free = { ...entry, computeMs: 0 };
    assert.equal(standingOf(free, undefined, 1099, uniform, { ...settings, earlyBeta: 1 }), "fresh");
  }
});

test("jitter takes up to its share off the time, evenly, and adds none", () => {
  const random = seeded(11);
  const drawn = Array.from({ length: 10_000 }, () => drawFreshForMs(1000, 0.2, random()));
  assert(drawn.every((ms) => ms > 800 && ms <= 1000));
  const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length;
  assert(Math.abs(mean - 900) < 5, `${mean}`);
  assert.equal(drawFreshForMs(1000, undefined, 0.9), 1000);
});
