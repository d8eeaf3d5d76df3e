import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { integerRate } from "./wrapper-script.ts";

test("a rate of whole arrivals a second stays as it is", () => {
  assert.deepEqual(integerRate(200), { rate: 200, timeUnit: "1s" });
});

test("a rate below one a second, or with a fraction, is one of whole arrivals in a longer time", () => {
  assert.deepEqual(integerRate(0.5), { rate: 30, timeUnit: "60s" });
  assert.deepEqual(integerRate(100 / 60), { rate: 100, timeUnit: "60s" });
});

test("the rate is a whole number of at least 1, and within 0.1 % of what was asked", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 100_000, noNaN: true }), (ratePerS) => {
      const { rate, timeUnit } = integerRate(ratePerS);
      assert.ok(Number.isSafeInteger(rate) && rate >= 1);
      const got = rate / Number.parseInt(timeUnit, 10);
      assert.ok(Math.abs(got - ratePerS) / ratePerS < 0.001, `${ratePerS} became ${got}`);
    }),
  );
});
