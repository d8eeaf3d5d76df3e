import assert from "node:assert/strict";
import { test } from "node:test";
import { DeadlineExceeded } from "../resilience/deadline.ts";
import { Shed } from "../resilience/shedding.ts";
import { requestGuard } from "./request-guard.ts";

const deadlines = { defaultMs: 60_000, maxMs: 60_000 };
const never = new AbortController().signal;

test("a request that is shed costs nothing, not even a timer", async (context) => {
  const timers = context.mock.method(globalThis, "setTimeout");
  const admission = () => () => () => Promise.reject(new Shed("normal", 1));
  const { policy } = requestGuard({ deadlines, admission, now: () => 0 })({}, "normal");
  await assert.rejects(policy(() => assert.fail("it is not begun"))(never), Shed);
  assert.equal(timers.mock.callCount(), 0);
});

test("a place is held no longer than the deadline, however long the work goes on", async () => {
  let held = 0;
  const { policy } = requestGuard({
    deadlines,
    admission: () => (call) => async (signal) => {
      held++;
      try {
        return await call(signal);
      } finally {
        held--;
      }
    },
    now: performance.now.bind(performance),
  })({ "x-request-deadline-ms": "20" }, "normal");
  const ended = policy(() => {
    assert.equal(held, 1);
    return new Promise(() => undefined);
  })(never);
  await assert.rejects(ended, DeadlineExceeded);
  assert.equal(held, 0);
});
