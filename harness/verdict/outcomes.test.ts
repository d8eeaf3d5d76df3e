import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { exitCodes, type Outcome } from "../exit-codes.ts";
import { worstOf } from "./outcomes.ts";

test("a group is as bad as its worst: 1 before 3 before 2 before 0, and none at all is no PASS", () => {
  assert.equal(worstOf(["PASS", "INCONCLUSIVE", "HARNESS_ERROR", "FAIL"]), "FAIL");
  assert.equal(worstOf(["PASS", "INCONCLUSIVE", "HARNESS_ERROR"]), "HARNESS_ERROR");
  assert.equal(worstOf(["PASS", "INCONCLUSIVE"]), "INCONCLUSIVE");
  assert.equal(worstOf(["PASS", "PASS"]), "PASS");
  assert.equal(worstOf([]), "INCONCLUSIVE");
});

test("the worst is one of them, whatever the order, and one more never makes a group pass", () => {
  const outcome = fc.constantFrom(...(Object.keys(exitCodes) as Outcome[]));
  fc.assert(
    fc.property(fc.array(outcome, { minLength: 1 }), outcome, (outcomes, more) => {
      const worst = worstOf(outcomes);
      assert.ok(outcomes.includes(worst));
      assert.equal(worstOf(outcomes.toReversed()), worst);
      if (worst !== "PASS") assert.notEqual(worstOf([...outcomes, more]), "PASS");
    }),
  );
});
