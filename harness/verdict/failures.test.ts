import assert from "node:assert/strict";
import { test } from "node:test";
import { lostConnection, sample } from "../testing/recorded-run.ts";
import { failuresOf } from "./failures.ts";

test("failures are counted by phase and by what was said, the most frequent first", () => {
  const samples = [
    sample(0, { phase: "baseline" }),
    sample(10, { phase: "baseline", status: 503 }),
    sample(20, { phase: "fault", ...lostConnection }),
    sample(30, { phase: "fault", status: 503 }),
    sample(40, { phase: "fault", status: 503 }),
    sample(50, { phase: "fault", status: 200, error: "incomplete-stream" }),
    sample(60, { phase: "recovery" }),
  ];
  assert.deepEqual(failuresOf(samples), [
    { phase: "baseline", failed: 1, causes: [{ cause: "status 503", count: 1 }] },
    {
      phase: "fault",
      failed: 4,
      causes: [
        { cause: "status 503", count: 2 },
        { cause: "error 1212", count: 1 },
        { cause: "error incomplete-stream", count: 1 },
      ],
    },
  ]);
});

test("however many kinds there are, the list is short and its sum is right", () => {
  const many = Array.from({ length: 100 }, (_, index) => sample(index, { status: 400 + (index % 50) }));
  const [phase] = failuresOf([
    ...many,
    sample(100, { status: 500 }),
    sample(101, { status: 500 }),
    sample(102, { status: 500 }),
  ]);
  assert.equal(phase?.causes.length, 6);
  assert.deepEqual(phase?.causes[0], { cause: "status 500", count: 3 });
  assert.deepEqual(phase?.causes.at(-1)?.cause, "others");
  assert.equal(
    phase?.causes.reduce((sum, { count }) => sum + count, 0),
    phase?.failed,
  );
});
