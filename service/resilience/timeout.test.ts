import assert from "node:assert/strict";
import { test } from "node:test";
import { DeadlineExceeded, deadlineIn } from "./deadline.ts";
import { wrap } from "./policy.ts";
import { AttemptTimeout, timeout } from "./timeout.ts";

const never = () => new Promise<never>(() => undefined);
const signal = () => new AbortController().signal;

test("a call that never ends, and heeds no signal, is given up", async () => {
  await assert.rejects(timeout(5)(never)(signal()), AttemptTimeout);
});

test("a call that heeds its signal is told, and what it makes of that is still a timeout", async () => {
  let told = false;
  const heeding = (inner: AbortSignal) =>
    new Promise<never>((_, reject) => {
      inner.addEventListener("abort", () => {
        told = true;
        reject(new Error("aborted"));
      });
    });
  await assert.rejects(timeout(5)(heeding)(signal()), AttemptTimeout);
  assert(told);
});

test("a caller that leaves is no timeout", async () => {
  const caller = new AbortController();
  const left = new Error("left");
  const waiting = timeout(60_000)(never)(caller.signal);
  caller.abort(left);
  await assert.rejects(waiting, left);
});

test("nothing is called for a caller that has already left", async () => {
  let calls = 0;
  const call = async () => ++calls;
  await assert.rejects(timeout(60_000)(call)(AbortSignal.abort(new Error("left"))));
  assert.equal(calls, 0);
});

test("the signal of a call that succeeded is not aborted: its body may still be read", async () => {
  const inner = await timeout(60_000)(async (given) => given)(signal());
  assert.equal(inner.aborted, false);
});

test("the deadline holds over an attempt that would wait longer", async () => {
  await assert.rejects(
    wrap(deadlineIn(5, performance.now.bind(performance)).policy, timeout(60_000))(never)(signal()),
    DeadlineExceeded,
  );
});
