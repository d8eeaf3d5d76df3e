import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { cumulativeShares, keyAt } from "./keys.ts";

/** How often each key is drawn in `requests` requests. */
function draw(shares: readonly number[], seed: number, requests: number): number[] {
  const counts = shares.map(() => 0);
  for (let request = 0; request < requests; request += 1) {
    const key = keyAt(shares, seed, request);
    counts[key] = (counts[key] ?? Number.NaN) + 1;
  }
  return counts;
}

/** Of each key, how far its count is from the expected one, in standard deviations. */
function deviations(counts: readonly number[], shares: readonly number[], requests: number): number[] {
  return counts.map((count, key) => {
    const share = (shares[key] ?? Number.NaN) - (shares[key - 1] ?? 0);
    return Math.abs(count - requests * share) / Math.sqrt(requests * share * (1 - share));
  });
}

for (const keys of [
  { distribution: "zipf", exponent: 1, count: 500 },
  { distribution: "zipf", exponent: 0.7, count: 500 },
  { distribution: "uniform", exponent: 1, count: 500 },
] as const) {
  test(`${keys.distribution} keys with exponent ${keys.exponent} come as often as they should`, () => {
    const shares = cumulativeShares(keys);
    for (const seed of [1, 2, 7]) {
      const off = deviations(draw(shares, seed, 100_000), shares, 100_000);
      // Of 500 normal deviations, one over 5 has a chance of 1 in 3500; the draws are fixed, so this cannot flicker.
      assert.ok(Math.max(...off) < 5, `seed ${seed}: a key is off by ${Math.max(...off)} deviations`);
    }
  });
}

test("the top key's share is that of the Zipf law", () => {
  const shares = cumulativeShares({ distribution: "zipf", exponent: 1, count: 5000 });
  // 1 / H(5000), with H(n) ≈ ln n + 0.5772 + 1/2n
  assert.ok(Math.abs((shares[0] ?? 0) - 1 / (Math.log(5000) + 0.5772157 + 1 / 10_000)) < 1e-6);
  const [top = 0] = draw(shares, 1, 20_000);
  assert.ok(top > 2000 && top < 2400, `${top} of 20,000; 2199 expected`);
});

test("every draw is a key, for any seed, number and distribution", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.nat(),
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom("zipf" as const, "uniform" as const),
      (seed, request, count, distribution) => {
        const shares = cumulativeShares({ distribution, exponent: 1, count });
        const key = keyAt(shares, seed, request);
        assert.ok(Number.isInteger(key) && key >= 0 && key < count);
        assert.equal(keyAt(shares, seed, request), key);
      },
    ),
  );
});

test("seeds beside each other give other sequences, also when shifted", () => {
  const shares = cumulativeShares({ distribution: "uniform", exponent: 1, count: 1000 });
  const sequence = (seed: number, from: number) =>
    Array.from({ length: 500 }, (_, index) => keyAt(shares, seed, from + index));
  for (let shift = 0; shift < 20; shift += 1) {
    const other = sequence(2, shift);
    const same = sequence(1, 0).filter((key, index) => key === other[index]).length;
    assert.ok(same < 10, `${same} of 500 keys are the same`);
  }
});
