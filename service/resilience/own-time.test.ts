import assert from "node:assert/strict";
import { test } from "node:test";
import { ownTime } from "./own-time.ts";
import { AttemptTimeout, timeout } from "./timeout.ts";

const never = () => new Promise<never>(() => undefined);
const signal = () => new AbortController().signal;

test("a call that never ends is given up after its time, and told", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let told = false;
  let ended = false;
  const given = ownTime(50)((inner) => {
    inner.addEventListener("abort", () => {
      told = true;
    });
    return never();
  })(signal());
  given
    .catch(() => undefined)
    .finally(() => {
      ended = true;
    });
  t.mock.timers.tick(49);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([told, ended], [false, false]);
  t.mock.timers.tick(1);
  await assert.rejects(given, AttemptTimeout);
  assert(told);
});

test("time in which the process did something else is not the call's: its reply may be here, and not read yet", async () => {
  const busyThenRead = () =>
    new Promise<string>((resolve) => {
      setTimeout(() => {
        const until = performance.now() + 60;
        while (performance.now() < until);
        // After the timers that are due in the next turn, as what a socket has is.
        setImmediate(() => setImmediate(() => resolve("here")));
      }, 0);
    });
  await assert.rejects(timeout(20)(busyThenRead)(signal()), AttemptTimeout);
  assert.equal(await ownTime(20)(busyThenRead)(signal()), "here");
});

test("a caller that leaves is no timeout, and for one that has left nothing is called", async () => {
  const caller = new AbortController();
  const left = new Error("left");
  const waiting = ownTime(60_000)(never)(caller.signal);
  caller.abort(left);
  await assert.rejects(waiting, left);
  let calls = 0;
  const call = async () => ++calls;
  await assert.rejects(ownTime(60_000)(call)(AbortSignal.abort(left)), left);
  assert.equal(calls, 0);
});

test("a call that has ended leaves no timer behind, and its signal alone", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const caller = new AbortController();
  const inner = await ownTime(60_000)(async (given) => given)(caller.signal);
  assert.equal(timers(), before);
  caller.abort();
  assert.equal(inner.aborted, false);
});
