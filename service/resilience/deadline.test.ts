import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DeadlineExceeded, deadlineIn, isDeadline, requestedMs } from "./deadline.ts";

const now = performance.now.bind(performance);
const never = () => new Promise<never>(() => undefined);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const idle = () => new AbortController().signal;

test("what is left falls with the clock, for all who hold the same deadline, and not below 0", () => {
  let nowMs = 500;
  const { remainingMs } = deadlineIn(100, () => nowMs);
  assert.equal(remainingMs(), 100);
  nowMs += 70;
  assert.equal(remainingMs(), 30);
  nowMs += 70;
  assert.equal(remainingMs(), 0);
});

test("it ends a call that heeds no signal, and its reason tells it from a caller who left", async () => {
  const reasons: unknown[] = [];
  const watched = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    return never();
  };
  await assert.rejects(deadlineIn(5, now).policy(watched)(idle()), DeadlineExceeded);
  const caller = new AbortController();
  const left = new Error("left");
  const waiting = deadlineIn(60_000, now).policy(watched)(caller.signal);
  caller.abort(left);
  await assert.rejects(waiting, left);
  assert(reasons[0] instanceof DeadlineExceeded);
  assert.deepEqual(reasons.slice(1), [left]);
});

test("nothing is called for a caller who has left before", async () => {
  let calls = 0;
  const left = new Error("left");
  const call = deadlineIn(60_000, now).policy(async () => ++calls);
  await assert.rejects(call(AbortSignal.abort(left)), left);
  assert.equal(calls, 0);
});

test("whoever comes to it late has what is left of it, and not the whole", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const { policy } = deadlineIn(100, () => nowMs);
  nowMs += 70;
  const reasons: unknown[] = [];
  policy(never)(idle()).catch((reason: unknown) => reasons.push(reason));
  t.mock.timers.tick(29);
  await turn();
  assert.equal(reasons.length, 0);
  t.mock.timers.tick(1);
  await turn();
  assert(reasons[0] instanceof DeadlineExceeded);
});

test("a call that ends in time leaves no timer behind, and its signal is not aborted", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const signal = await deadlineIn(60_000, now).policy(async (inner) => inner)(idle());
  assert.equal(signal.aborted, false);
  assert.equal(timers(), before);
});

test("whoever asks for more than the maximum gets the maximum; for nothing, the default", () => {
  const bounds = { defaultMs: 2000, maxMs: 30_000 };
  const cases: [header: string | undefined, ms: number | undefined][] = [
    [undefined, 2000],
    ["1", 1],
    ["0250", 250],
    ["30000", 30_000],
    ["30001", 30_000],
    ["9".repeat(400), 30_000],
    ...[
      "",
      "0",
      "000",
      "-5",
      "+5",
      "1.5",
      "1e3",
      "0x10",
      "NaN",
      "Infinity",
      "5, 7",
      "5,5",
      " 5",
      "5 ms",
      "٣",
    ].map((wrong): [string, undefined] => [wrong, undefined]),
  ];
  for (const [header, ms] of cases) assert.equal(requestedMs(header, bounds), ms, header);
  for (const list of [["5", "7"], ["5"]]) assert.equal(requestedMs(list, bounds), undefined);
});

test("whatever a header says, there is a time within the bounds or none", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String)), (header) => {
      const ms = requestedMs(header, { defaultMs: 2000, maxMs: 30_000 });
      assert(ms === undefined || (Number.isInteger(ms) && ms >= 1 && ms <= 30_000));
    }),
  );
});

test("that time ran out is known also where it is the cause of why the work was ended", () => {
  const exceeded = new DeadlineExceeded("too late");
  const because = (cause: unknown) => new Error("everybody has left", { cause });
  assert.deepEqual([exceeded, because(exceeded), because(because(exceeded))].map(isDeadline), [
    true,
    true,
    true,
  ]);
  assert.deepEqual([because(new Error("left")), because(undefined), undefined].map(isDeadline), [
    false,
    false,
    false,
  ]);
});
