import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BulkheadFull, bulkhead } from "./bulkhead.ts";
import type { Policy } from "./policy.ts";

const idle = () => new AbortController().signal;
const left = new Error("left");

/** A call that ends when the test says so. */
function open(policy: Policy, name: string, begun: string[], signal = idle()) {
  const gate = Promise.withResolvers<string>();
  const settled = policy(() => {
    begun.push(name);
    return gate.promise;
  })(signal);
  settled.catch(() => undefined);
  return { end: () => gate.resolve(name), settled };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("one more call than there are places is rejected at once, and a place that is freed is had again", async () => {
  const { policy, inFlight } = bulkhead({ limit: 2, queue: 0 });
  const begun: string[] = [];
  const [first, second] = ["first", "second"].map((name) => open(policy, name, begun));
  await assert.rejects(open(policy, "third", begun).settled, BulkheadFull);
  first?.end();
  await first?.settled;
  await assert.rejects(policy(() => Promise.reject(new Error("failed")))(idle()), { message: "failed" });
  const fourth = open(policy, "fourth", begun);
  fourth.end();
  assert.equal(await fourth.settled, "fourth");
  second?.end();
  await second?.settled;
  assert.equal(inFlight(), 0);
});

test("the queue is bounded, and who came first is first; nobody overtakes", async () => {
  const { policy, waiting } = bulkhead({ limit: 1, queue: 2 });
  const begun: string[] = [];
  const a = open(policy, "a", begun);
  const b = open(policy, "b", begun);
  const c = open(policy, "c", begun);
  assert.equal(waiting(), 2);
  await assert.rejects(open(policy, "d", begun).settled, BulkheadFull);

  // In the turn in which the place becomes free, newcomers arrive: before, in between and after.
  a.end();
  const e = open(policy, "e", begun);
  await assert.rejects(e.settled, BulkheadFull);
  await a.settled;
  const f = open(policy, "f", begun);
  await turn();
  assert.deepEqual(begun, ["a", "b"]);
  for (const call of [b, c, f]) {
    call.end();
    await call.settled;
  }
  assert.deepEqual(begun, ["a", "b", "c", "f"]);
});

test("who has left before there is a place does not wait for one", async () => {
  const { policy, waiting } = bulkhead({ limit: 1, queue: 1 });
  const begun: string[] = [];
  open(policy, "a", begun);
  const late = open(policy, "b", begun, AbortSignal.abort(left));
  assert.equal(waiting(), 0);
  await assert.rejects(late.settled, left);
});

test("a queued caller who leaves is told at once, and the place in the queue is free at once", async () => {
  const { policy, waiting } = bulkhead({ limit: 1, queue: 1 });
  const begun: string[] = [];
  const a = open(policy, "a", begun);
  const caller = new AbortController();
  const b = open(policy, "b", begun, caller.signal);
  caller.abort(left);
  assert.equal(waiting(), 0);
  await assert.rejects(b.settled, left);
  const c = open(policy, "c", begun);
  a.end();
  c.end();
  assert.equal(await c.settled, "c");
  assert.deepEqual(begun, ["a", "c"]);
});

test("a running caller who leaves frees the place at once, also where the call does not heed its signal", async () => {
  const { policy, inFlight } = bulkhead({ limit: 1, queue: 1 });
  const begun: string[] = [];
  const caller = new AbortController();
  const a = open(policy, "a", begun, caller.signal);
  const b = open(policy, "b", begun);
  caller.abort(left);
  await assert.rejects(a.settled, left);
  await turn();
  assert.deepEqual(begun, ["a", "b"]);
  b.end();
  await b.settled;
  a.end();
  await turn();
  assert.equal(inFlight(), 0);
});

test("a caller who leaves between being given a place and beginning does not keep it", async () => {
  const { policy, inFlight } = bulkhead({ limit: 1, queue: 1 });
  const begun: string[] = [];
  const caller = new AbortController();
  const a = open(policy, "a", begun);
  const b = open(policy, "b", begun, caller.signal);
  a.end();
  // b is let in when a's place is freed, in the same turn.
  await a.settled;
  caller.abort(left);
  await assert.rejects(b.settled, left);
  assert.equal(inFlight(), 0);
});

test("a caller who waited, was let in and leaves then is not taken out of the queue again", async () => {
  const { policy, inFlight, waiting } = bulkhead({ limit: 1, queue: 1 });
  const begun: string[] = [];
  const caller = new AbortController();
  const a = open(policy, "a", begun);
  const b = open(policy, "b", begun, caller.signal);
  a.end();
  await a.settled;
  await turn();
  assert.deepEqual(begun, ["a", "b"]);
  caller.abort(left);
  await assert.rejects(b.settled, left);
  assert.deepEqual([inFlight(), waiting()], [0, 0]);
});

test("a limit that grows lets in who waits, before any newcomer", async () => {
  const settings = { limit: 1, queue: 5 };
  const { policy } = bulkhead(settings);
  const begun: string[] = [];
  const calls = ["a", "b", "c"].map((name) => open(policy, name, begun));
  settings.limit = 3;
  calls.push(open(policy, "d", begun));
  await turn();
  assert.deepEqual(begun, ["a", "b", "c"]);
  for (const { end } of calls) end();
  await Promise.all(calls.map(({ settled }) => settled));
  assert.deepEqual(begun, ["a", "b", "c", "d"]);
});

test("parties take turns: one that floods costs another one turn, and each one's own order is kept", async () => {
  const { policyOf } = bulkhead({ limit: 1, queue: 10 });
  const begun: string[] = [];
  const calls = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"].map((name) =>
    open(policyOf(name.slice(0, 1)), name, begun),
  );
  for (const { end } of calls) end();
  await Promise.all(calls.map(({ settled }) => settled));
  assert.deepEqual(begun, ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
});

test("in a full queue a party takes from the largest part, its latest call, as long as that is larger after", async () => {
  const { policyOf, waiting } = bulkhead({ limit: 1, queue: 5 });
  const begun: string[] = [];
  const caller = new AbortController();
  const call = (name: string, signal?: AbortSignal) => open(policyOf(name.slice(0, 1)), name, begun, signal);
  const taken = ["a0", "a1", "a2", "a3", "a4"].map((name) => call(name));
  const latest = call("a5", caller.signal);
  await assert.rejects(call("a6").settled, BulkheadFull);
  taken.push(call("b1"));
  await assert.rejects(latest.settled, BulkheadFull);
  // It has left the queue already.
  caller.abort(left);
  assert.equal(waiting(), 5);
  taken.push(call("b2"));
  const [, , , , second] = taken;
  assert(second !== undefined);
  await assert.rejects(second.settled, BulkheadFull);
  // Two and three: with one more taken it would be three and two.
  await assert.rejects(call("b3").settled, BulkheadFull);
  for (const { end } of taken) end();
  await Promise.allSettled(taken.map(({ settled }) => settled));
  assert.deepEqual(begun, ["a0", "a1", "b1", "a2", "b2", "a3"]);
  assert.equal(waiting(), 0);
});

test("low priority never fills the queue, and of places without a queue leaves some free", async () => {
  const begun: string[] = [];
  const { policyOf, inFlight, waiting } = bulkhead({ limit: 6, queue: 4 });
  const low = (name: string) => open(policyOf("a", "low"), name, begun);
  for (let i = 0; i < 7; i++) low(`low ${i}`);
  assert.deepEqual([inFlight(), waiting()], [6, 1]);
  await assert.rejects(low("one more").settled, BulkheadFull);
  for (let i = 0; i < 3; i++) open(policyOf("a"), `normal ${i}`, begun);
  assert.deepEqual([inFlight(), waiting()], [6, 4]);
  await assert.rejects(low("one more").settled, BulkheadFull);

  const unqueued = bulkhead({ limit: 10, queue: 0 });
  for (let i = 0; i < 7; i++) open(unqueued.policyOf("a", "low"), `low ${i}`, begun);
  await assert.rejects(open(unqueued.policyOf("b", "low"), "one more", begun).settled, BulkheadFull);
  for (let i = 0; i < 3; i++) open(unqueued.policyOf("a", "normal"), `normal ${i}`, begun);
  assert.equal(unqueued.inFlight(), 10);
});

test("of the largest part the latest call of low priority gives way first", async () => {
  const begun: string[] = [];
  const { policyOf } = bulkhead({ limit: 1, queue: 5 });
  open(policyOf("a"), "first", begun);
  const [earlier, low] = ["earlier", "later"].map((name) => open(policyOf("a", "low"), name, begun));
  assert(earlier !== undefined && low !== undefined);
  const others = [earlier, ...["x", "y", "z"].map((name) => open(policyOf("a"), name, begun))];
  const newcomer = open(policyOf("b"), "newcomer", begun);
  await assert.rejects(low.settled, BulkheadFull);
  await turn();
  assert.equal(
    await Promise.race([newcomer.settled, ...others.map(({ settled }) => settled), "all wait"]),
    "all wait",
  );
});

test("low priority has the one place there is", async () => {
  const begun: string[] = [];
  const { policyOf } = bulkhead({ limit: 1, queue: 0 });
  const first = open(policyOf("a", "low"), "first", begun);
  await assert.rejects(open(policyOf("a", "low"), "second", begun).settled, BulkheadFull);
  first.end();
  assert.equal(await first.settled, "first");
});

test("however calls come, end and leave: bounds hold, order is kept, and no place is lost", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("call" as const), by: fc.constantFrom("a", "b", "c") }),
    fc.record({ do: fc.constantFrom("end", "leave"), of: fc.nat(30) }),
    fc.constant({ do: "turn" } as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(6), async (steps, queue) => {
      const limit = 2;
      const { policyOf, inFlight, waiting } = bulkhead({ limit, queue });
      const begun: string[] = [];
      let working = 0;
      const calls: { end: () => void; leave: () => void; settled: Promise<unknown> }[] = [];
      for (const now of steps) {
        if (now.do === "turn") await turn();
        else if (now.do === "call") {
          const caller = new AbortController();
          const gate = Promise.withResolvers<void>();
          const name = `${now.by}${calls.length}`;
          const settled = policyOf(now.by)(async (signal) => {
            begun.push(name);
            working++;
            assert(working <= limit);
            signal.addEventListener("abort", () => gate.resolve());
            await gate.promise.finally(() => working--);
          })(caller.signal);
          calls.push({ end: gate.resolve, leave: () => caller.abort(left), settled });
          settled.catch(() => undefined);
        } else if (now.do === "end") calls[now.of % calls.length]?.end();
        else calls[now.of % calls.length]?.leave();
        assert(inFlight() <= limit && waiting() >= 0 && waiting() <= queue);
      }
      for (const { end } of calls) end();
      await Promise.allSettled(calls.map(({ settled }) => settled));
      for (const party of ["a", "b", "c"]) {
        const own = begun.filter((name) => name.startsWith(party)).map((name) => Number(name.slice(1)));
        assert.deepEqual(
          own,
          own.toSorted((one, other) => one - other),
        );
      }
      assert.deepEqual([inFlight(), waiting()], [0, 0]);
    }),
  );
});
