import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog, problemLog } from "./log.ts";

/** A problem log on a clock that the test moves, and what it wrote. */
function logged(intervalMs: number) {
  const lines: Record<string, unknown>[] = [];
  const clock = { ms: 0 };
  const log = createLog("info", { write: (text: string) => void lines.push(JSON.parse(text)) });
  return { lines, clock, problem: problemLog(log, intervalMs, () => clock.ms) };
}

test("a problem is told once in an interval, and how often it was left out, with the next one", () => {
  const { lines, clock, problem } = logged(1000);
  for (let i = 0; i < 50; i++) problem("model_failed", new Error(`reason ${i}`), { requestId: `${i}` });
  clock.ms = 999;
  problem("model_failed", new Error("late"));
  clock.ms = 1000;
  problem("model_failed", new Error("next"));
  clock.ms = 2000;
  problem("model_failed", "no error");
  assert.deepEqual(
    lines.map(({ code, reason, requestId, leftOut, msg }) => [code, reason, requestId, leftOut, msg]),
    [
      ["model_failed", "reason 0", "0", 0, "problem"],
      ["model_failed", "next", undefined, 50, "problem"],
      ["model_failed", "no error", undefined, 0, "problem"],
    ],
  );
});

test("one problem's flood hides no other", () => {
  const { lines, problem } = logged(1000);
  for (let i = 0; i < 50; i++) problem("model_failed", new Error(""));
  problem("invalidate", new Error(""));
  assert.deepEqual(
    lines.map(({ code }) => code),
    ["model_failed", "invalidate"],
  );
});

test("a problem's fields do not pass for its code, and no stack is told", () => {
  const { lines, problem } = logged(1000);
  problem("internal_error", new Error("why"), { code: "mine", reason: "mine", leftOut: 7 });
  const [line] = lines;
  assert.deepEqual([line?.["code"], line?.["reason"], line?.["leftOut"]], ["internal_error", "why", 0]);
  assert.equal(line?.["stack"], undefined);
});
