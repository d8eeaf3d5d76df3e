import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { EverybodyLeft, type FlightEnd, flights } from "./coalesce.ts";

interface Piece {
  readonly text: string;
}

/** Flights whose calls the test brings to their ends. */
function controlled() {
  const ends: FlightEnd[] = [];
  const calls: {
    resolve(value: string): void;
    reject(error: Error): void;
    piece(text: string): void;
    signal: AbortSignal;
  }[] = [];
  let waiting = 0;
  const all = flights<string, Piece>({
    ended: (end) => ends.push(end),
    waiting: (change) => {
      waiting += change;
    },
  });
  const ask = (key: string | undefined, signal: AbortSignal, take?: (piece: Piece) => Promise<void>) => {
    const flight =
      all.find(key) ??
      all.begin(key, undefined, (onPiece, inner) => {
        const { promise, resolve, reject } = Promise.withResolvers<string>();
        calls.push({ resolve, reject, piece: (text) => onPiece({ text }), signal: inner });
        inner.addEventListener("abort", () => reject(inner.reason));
        return promise;
      });
    return flight.join(signal, take);
  };
  const only = () => {
    const [call] = calls;
    assert(call !== undefined && calls.length === 1);
    return call;
  };
  return { ask, calls, ends, only, waiting: () => waiting };
}

const staying = () => new AbortController().signal;
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test("callers of one key share a call, those of another do not, and afterwards it begins anew", async () => {
  const { ask, calls, only, ends, waiting } = controlled();
  const many = Array.from({ length: 100 }, () => ask("a", staying()));
  assert.equal(waiting(), 100);
  only().resolve("1");
  assert.deepEqual(await Promise.all(many), Array(100).fill("1"));
  assert.equal(waiting(), 0);
  assert.equal(only().signal.aborted, false, "one that has ended is not cancelled when its callers go");
  const others = [ask("a", staying()), ask("b", staying())];
  assert.equal(calls.length, 3);
  calls[1]?.resolve("2");
  calls[2]?.resolve("3");
  assert.deepEqual(await Promise.all(others), ["2", "3"]);
  assert.deepEqual(ends, ["answered", "answered", "answered"]);
});

test("without a key every caller has a call of its own", async () => {
  const { ask, calls } = controlled();
  const both = [ask(undefined, staying()), ask(undefined, staying())];
  assert.equal(calls.length, 2);
  for (const call of calls) call.resolve("own");
  await Promise.all(both);
});

test("a call that fails fails all that wait, once; the next caller begins anew", async () => {
  const { ask, calls, ends, only } = controlled();
  const many = Array.from({ length: 100 }, () => ask("a", staying()));
  only().reject(new Error("boom"));
  const results = await Promise.allSettled(many);
  assert.deepEqual(ends, ["failed"]);
  assert(results.every(({ status }) => status === "rejected"));
  assert.equal(calls.length, 1);
  const next = ask("a", staying());
  assert.equal(calls.length, 2);
  calls[1]?.resolve("well");
  assert.equal(await next, "well");
});

test("a caller that leaves is gone at once; the call is cancelled when the last has left, and not before", async () => {
  const { ask, calls, ends, only } = controlled();
  const callers = Array.from({ length: 3 }, () => new AbortController());
  const waits = callers.map(({ signal }) => ask("a", signal));
  const outcomes = Promise.allSettled(waits);
  for (const [i, caller] of callers.entries()) {
    assert.equal(only().signal.aborted, false, `${i} have left`);
    const reason = new Error(`caller ${i} left`);
    caller.abort(reason);
    await assert.rejects(waits[i] ?? Promise.resolve(), reason);
  }
  const { reason } = only().signal;
  assert(reason instanceof EverybodyLeft && Object(reason.cause).message === "caller 2 left");
  assert.deepEqual(ends, ["abandoned"]);
  await outcomes;
  // Whoever comes now must not be handed the cancellation.
  const next = ask("a", staying());
  assert.equal(calls.length, 2);
  calls[1]?.resolve("well");
  assert.equal(await next, "well");
});

test("a signal that lasts keeps nothing of the calls that were joined with it, however they ended", async () => {
  const { ask, calls } = controlled();
  const { signal } = new AbortController();
  const outcomes = ["a", "b", "c"].map((key) => ask(key, signal, async () => undefined));
  calls[0]?.resolve("1");
  calls[1]?.reject(new Error("boom"));
  await Promise.allSettled(outcomes.slice(0, 2));
  assert.equal(getEventListeners(signal, "abort").length, 1, "of the one under way");
  calls[2]?.resolve("3");
  await outcomes[2];
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("a caller whose signal is aborted already joins nothing", async () => {
  const { ask, only } = controlled();
  await assert.rejects(ask("a", AbortSignal.abort(new Error("gone"))), /gone/);
  assert.equal(only().signal.aborted, true);
});

test("a reader who joins late gets every piece so far, then the live ones, in order", async () => {
  const { ask, only } = controlled();
  const early: string[] = [];
  const late: string[] = [];
  const into = (texts: string[]) => async (piece: Piece) => void texts.push(piece.text);
  const first = ask("a", staying(), into(early));
  only().piece("one ");
  only().piece("two ");
  await settled();
  assert.deepEqual(early, ["one ", "two "]);
  const second = ask("a", staying(), into(late));
  const plain = ask("a", staying());
  await settled();
  assert.deepEqual(late, ["one ", "two "]);
  only().piece("three");
  only().resolve("one two three");
  assert.deepEqual(await Promise.all([first, second, plain]), Array(3).fill("one two three"));
  assert.deepEqual([early, late], [late, ["one ", "two ", "three"]]);
});

test("a reader who takes nothing holds up neither the call nor other readers, and may finish later", async () => {
  const { ask, ends, only } = controlled();
  const gate = Promise.withResolvers<void>();
  const slow: string[] = [];
  const slowly = ask("a", staying(), async (piece) => {
    await gate.promise;
    slow.push(piece.text);
  });
  const quick: string[] = [];
  const quickly = ask("a", staying(), async (piece) => void quick.push(piece.text));
  for (const text of "abc") only().piece(text);
  only().resolve("abc");
  assert.equal(await quickly, "abc");
  assert.deepEqual([quick.join(""), slow.join(""), ends], ["abc", "", ["answered"]]);
  gate.resolve();
  assert.equal(await slowly, "abc");
  assert.equal(slow.join(""), "abc");
});

test("pieces of a call that fails are delivered before its error", async () => {
  const { ask, only } = controlled();
  const got: string[] = [];
  const reading = ask("a", staying(), async (piece) => void got.push(piece.text));
  only().piece("half");
  only().reject(new Error("broke"));
  await assert.rejects(reading, /broke/);
  assert.deepEqual(got, ["half"]);
});

test("a reader that cannot take a piece has left, and as the last one cancels the call", async () => {
  const { ask, only } = controlled();
  const reading = ask("a", staying(), () => Promise.reject(new Error("stalled")));
  only().piece("half");
  await assert.rejects(reading, /stalled/);
  assert.equal(only().signal.aborted, true);
});

test("a reader that is stuck in a piece leaves at once when its signal is aborted", async () => {
  const { ask, only } = controlled();
  const caller = new AbortController();
  const reading = ask("a", caller.signal, () => new Promise(() => undefined));
  only().piece("half");
  await settled();
  caller.abort(new Error("left"));
  await assert.rejects(reading, /left/);
  assert.equal(only().signal.aborted, true);
});

test("a reader who has left is given no more pieces, though others still wait for them", async () => {
  const { ask, only } = controlled();
  const caller = new AbortController();
  const gate = Promise.withResolvers<void>();
  const left: string[] = [];
  const stayed: string[] = [];
  const leaving = ask("a", caller.signal, async ({ text }) => {
    left.push(text);
    await gate.promise;
  });
  const staysOn = ask("a", staying(), async ({ text }) => void stayed.push(text));
  only().piece("one ");
  await settled();
  caller.abort(new Error("left"));
  await assert.rejects(leaving, /left/);
  gate.resolve();
  only().piece("two");
  only().resolve("one two");
  await staysOn;
  await settled();
  assert.deepEqual([left, stayed], [["one "], ["one ", "two"]]);
});
