import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { type Policy, untilAborted } from "../resilience/policy.ts";
import { making, mustNotMake, staying, ttlMs, world } from "../testing/lease-world.ts";

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval"] });
});

test("a lease that may have been taken, for all that is known, is let go", async () => {
  const { ask, held, pass, told, stored } = world();
  const failing = Promise.withResolvers<void>();
  // The store has it, and its answer is lost.
  told.onTake = () => {
    queueMicrotask(() => failing.resolve());
  };
  const winner = making(stored);
  winner.finish("made");
  const lost = ask(winner.make, staying(), async () => {
    throw new Error("the answer is lost");
  });
  await failing.promise;
  assert.equal(await lost, "made");
  await pass(5);
  assert.equal(held("key"), undefined);
  assert.equal(told.drops, 1);
});

test("a store that is ill is not waited for", async () => {
  const { ask, fallIll, results, stored } = world();
  fallIll();
  const maker = making(stored);
  maker.finish("made");
  assert.equal(await ask(maker.make), "made");
  assert.deepEqual(results, ["skipped"]);
});

test("a store that falls ill while a lease is held costs its holder nothing", async () => {
  const { ask, fallIll, pass, stored, told } = world();
  const holder = making(stored);
  const first = ask(holder.make);
  await pass(5);
  fallIll();
  await pass(ttlMs);
  assert(told.extensions > 1);
  holder.finish("made");
  holder.write("made");
  assert.equal(await first, "made");
  await pass(5);
  assert.equal(told.drops, 1);
});

test("nor does one that fails to let go when the answer was found, or that does not answer when it is told to", async () => {
  const { ask, fallIll, pass, stored } = world();
  const found = ask(mustNotMake, staying(), async () => {
    fallIll();
    return "found";
  });
  assert.equal(await found, "found");
  await pass(5);

  const silent = world();
  silent.fallIll();
  silent.answerNoDrop();
  const maker = making(stored);
  maker.finish("made");
  const made = silent.ask(maker.make);
  await silent.pass(5);
  assert.equal(maker.calls(), 1);
  assert.equal(await made, "made");
});

test("taking the lease and looking are bounded together: past that it is made without", async () => {
  let bound = new AbortController();
  const limit: Policy = (call) => (signal) => {
    bound = new AbortController();
    return untilAborted(call, AbortSignal.any([signal, bound.signal]));
  };
  const slow = () => bound.abort(new Error("too slow"));
  const taking = world({ limit });
  taking.told.onTake = slow;
  const looking = world({ limit });
  for (const { ask, stored, results, takenWith: seen } of [taking, looking]) {
    const maker = making(stored);
    maker.finish("made");
    const look = (signal: AbortSignal) => {
      seen.push(signal);
      slow();
      return new Promise<undefined>(() => undefined);
    };
    assert.equal(await ask(maker.make, staying(), look), "made");
    assert.deepEqual([results, seen.every(({ aborted }) => aborted)], [["skipped"], true]);
  }
});

test("a store that falls ill while a caller waits is not waited for any longer", async () => {
  const { ask, fallIll, pass, results, stored } = world();
  const winner = making(stored);
  const first = ask(winner.make);
  await pass(5);
  const other = making(stored);
  other.finish("made too");
  const second = ask(other.make);
  await pass(20);
  fallIll();
  await pass(100);
  assert.equal(await second, "made too");
  assert.deepEqual(results, ["won", "skipped"]);
  winner.finish("made");
  await first;
});
