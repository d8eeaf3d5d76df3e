import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { drawRanks, seededRandom } from "./random.ts";

test("the generator is mulberry32: its numbers are those of the published one", () => {
  const random = seededRandom(0);
  assert.deepEqual(
    [random(), random(), random()],
    [0.26642920868471265, 0.0003297457005828619, 0.2232720274478197],
  );
});

test("numbers depend on the seed alone, and lie from 0 to below 1", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const [random, again] = [seededRandom(seed), seededRandom(seed)];
      for (let draw = 0; draw < 50; draw += 1) {
        const number = random();
        assert.equal(number, again());
        assert.ok(number >= 0 && number < 1);
      }
    }),
  );
});

test("ranks are different, in range, in order, and as many as asked for", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(30), fc.nat(30), (seed, count, below) => {
      const ranks = drawRanks(count, below, seededRandom(seed));
      assert.equal(ranks.length, Math.min(count, below));
      assert.equal(new Set(ranks).size, ranks.length);
      assert.deepEqual(
        ranks,
        ranks.toSorted((a, b) => a - b),
      );
      assert.ok(ranks.every((rank) => Number.isInteger(rank) && rank >= 0 && rank < below));
    }),
  );
});

test("each rank is drawn about equally often", () => {
  const random = seededRandom(1);
  const times = [0, 0, 0, 0, 0];
  for (let draw = 0; draw < 5000; draw += 1) {
    for (const rank of drawRanks(2, times.length, random)) times[rank] = (times[rank] ?? 0) + 1;
  }
  // 2000 are expected, with a standard deviation of 35; the seed is fixed, so this cannot flicker.
  for (const count of times) assert.ok(Math.abs(count - 2000) < 150, String(times));
});
