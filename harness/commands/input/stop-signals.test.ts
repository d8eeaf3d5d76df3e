import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { type TestContext, test } from "node:test";
import { Interrupted } from "../../abort.ts";
import { listenForStop } from "./stop-signals.ts";

function listening(context: TestContext) {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const source = Object.assign(new EventEmitter(), { ppid: 100 });
  const clock = { nowMs: 0 };
  const signals = listenForStop(source, () => clock.nowMs);
  context.after(() => signals[Symbol.dispose]());
  return { source, clock, signals };
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  test(`${signal} asks to stop, and says so`, (context) => {
    const { source, signals } = listening(context);
    assert.ok(!signals.stop.aborted);
    source.emit(signal, signal);
    assert.ok(signals.stop.reason instanceof Interrupted);
    assert.match(signals.stop.reason.message, new RegExp(signal));
    assert.ok(!signals.hurry.aborted);
  });
}

test("a second signal leaves no time", (context) => {
  const { source, clock, signals } = listening(context);
  source.emit("SIGINT", "SIGINT");
  clock.nowMs += 1000;
  source.emit("SIGTERM", "SIGTERM");
  assert.ok(signals.hurry.aborted);
});

test("one Ctrl-C that arrives twice, as it does under npm, is one", (context) => {
  const { source, clock, signals } = listening(context);
  source.emit("SIGINT", "SIGINT");
  clock.nowMs += 20;
  source.emit("SIGINT", "SIGINT");
  assert.ok(!signals.hurry.aborted);
});

test("the loss of the parent asks to stop, once", (context) => {
  const { source, clock, signals } = listening(context);
  context.mock.timers.tick(250);
  assert.ok(!signals.stop.aborted);
  source.ppid = 1;
  context.mock.timers.tick(250);
  assert.ok(signals.stop.reason instanceof Interrupted);
  clock.nowMs += 5000;
  context.mock.timers.tick(5000);
  assert.ok(!signals.hurry.aborted);
});

test("an uncaught exception asks to stop, and is kept", (context) => {
  const { source, signals } = listening(context);
  const bug = new TypeError("a bug");
  source.emit("uncaughtException", bug);
  assert.equal(signals.stop.reason, bug);
});

test("nothing is listened to any more once it is disposed", (context) => {
  const { source, signals } = listening(context);
  signals[Symbol.dispose]();
  assert.deepEqual(source.eventNames(), []);
  source.ppid = 1;
  context.mock.timers.tick(1000);
  assert.ok(!signals.stop.aborted);
});
