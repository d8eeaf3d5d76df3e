import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { timeOf, timeOfBytes, timeOfNumber } from "./time.ts";

test("dates are UTC where they name no zone", () => {
  const at = Date.UTC(2024, 4, 29, 13, 46, 19, 963);
  const texts = [
    "2024-05-29T13:46:19.963Z",
    "2024-05-29 13:46:19.963000",
    "2024-05-29T15:46:19.963+02:00",
    "2024-05-29T08:16:19.963-0530",
    "2024-05-29 13:46:19.963 UTC",
  ];
  assert.deepEqual(
    texts.map(timeOf),
    texts.map(() => at),
  );
  assert.equal(timeOf("2024-05-29"), Date.UTC(2024, 4, 29));
  for (const none of ["", " ", "soon", "29.05.2024", null, {}, undefined])
    assert.ok(Number.isNaN(timeOf(none)));
});

test("numbers are seconds to nanoseconds by their size", () => {
  assert.deepEqual([1.7e9, 1.7e12, 1.7e15, 1.7e18].map(timeOfNumber), [1.7e12, 1.7e12, 1.7e12, 1.7e12]);
  assert.equal(timeOf("1700000000.5"), 1_700_000_000_500);
});

test("bytes of a date are read as the date", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("2199-12-31"), noInvalidDate: true }), (date) => {
      const bytes = Buffer.from(`"${date.toISOString()}"`);
      assert.equal(timeOfBytes(bytes, 1, bytes.length - 1), date.getTime());
    }),
  );
});
