import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { badAllowed, judgeShare, samplesNeeded } from "./share.ts";

test("the least number of samples is that of a one-sided 95% bound", () => {
  assert.deepEqual([0.9, 0.95, 0.99, 0.999].map(samplesNeeded), [29, 59, 299, 2995]);
  assert.equal(samplesNeeded(0), 1);
  assert.ok(Number.isFinite(samplesNeeded(1)));
});

test("as many may be bad as the limit leaves, without errors of binary fractions", () => {
  assert.equal(badAllowed(300, 0.99), 3);
  assert.equal(badAllowed(100, 0.07), 93);
  assert.equal(badAllowed(2000, 0.995), 10);
  assert.equal(badAllowed(2999, 1), 0);
});

test("at the limit it passes, one worse it fails", () => {
  assert.equal(judgeShare({ n: 1000, bad: 10, missing: 0 }, 0.99).outcome, "pass");
  assert.equal(judgeShare({ n: 1000, bad: 11, missing: 0 }, 0.99).outcome, "fail");
});

test("with too few samples a miss counts only when it is certain", () => {
  assert.equal(judgeShare({ n: 298, bad: 0, missing: 0 }, 0.99).code, "TOO_FEW_SAMPLES");
  assert.equal(judgeShare({ n: 299, bad: 0, missing: 0 }, 0.99).outcome, "pass");
  assert.equal(judgeShare({ n: 50, bad: 2, missing: 0 }, 0.99).code, "TOO_FEW_SAMPLES");
  assert.equal(judgeShare({ n: 50, bad: 3, missing: 0 }, 0.99).outcome, "fail");
  assert.equal(judgeShare({ n: 0, bad: 0, missing: 500 }, 0.99).code, "NO_SAMPLES");
});

test("missing samples matter only where they decide", () => {
  assert.equal(judgeShare({ n: 990, bad: 0, missing: 10 }, 0.99).outcome, "pass");
  assert.equal(judgeShare({ n: 989, bad: 0, missing: 11 }, 0.99).code, "SAMPLES_MISSING");
  assert.equal(judgeShare({ n: 500, bad: 11, missing: 500 }, 0.99).outcome, "fail");
  assert.equal(judgeShare({ n: 200, bad: 0, missing: 200 }, 0.99).code, "SAMPLES_MISSING");
});

test("what is known of missing samples never contradicts a verdict given without it", () => {
  const counts = fc.record({
    good: fc.nat(2000),
    bad: fc.nat(60),
    missing: fc.nat(60),
    turnsBad: fc.nat(60),
  });
  fc.assert(
    fc.property(
      counts,
      fc.constantFrom(0.5, 0.9, 0.99, 0.999, 1),
      ({ good, bad, missing, turnsBad }, limit) => {
        const before = judgeShare({ n: good + bad, bad, missing }, limit).outcome;
        const known = { n: good + bad + missing, bad: bad + Math.min(missing, turnsBad), missing: 0 };
        const after = judgeShare(known, limit).outcome;
        assert.ok(before === "inconclusive" || before === after, `${before} became ${after}`);
      },
    ),
  );
});
