import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { making, mustNotMake, ttlMs, world } from "../testing/lease-world.ts";

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval"] });
});

test("one makes it; the other finds it when it is stored, and the lease ends only then", async () => {
  const { ask, held, pass, results, stored } = world();
  const winner = making(stored);
  const first = ask(winner.make);
  await pass(5);
  const second = ask(mustNotMake);
  await pass(300);
  winner.finish("made");
  assert.equal(await first, "made");
  await pass(100);
  assert(held("key") !== undefined, "it is not stored yet");
  winner.write("made");
  await pass(200);
  assert.equal(await second, "made");
  assert.equal(held("key"), undefined);
  assert.deepEqual(results, ["won", "found"]);
});

test("who finds it while another still has the lease leaves that alone", async () => {
  const { ask, held, pass, stored, told } = world();
  const holder = making(stored);
  void ask(holder.make);
  await pass(5);
  stored.set("key", "made");
  assert.equal(await ask(mustNotMake), "made");
  await pass(5);
  assert(held("key") !== undefined);
  assert.equal(told.drops, 0);
});

test("whoever takes the lease looks once more: the one before may have stored and gone since", async () => {
  const { ask, pass, results, stored } = world();
  stored.set("key", "made before");
  const asked = ask(mustNotMake);
  await pass(5);
  assert.equal(await asked, "made before");
  assert.deepEqual(results, ["found"]);
});

test("it is looked for after the lease is taken: what is stored just before that is found", async () => {
  const { ask, pass, results, stored, told } = world();
  told.onTake = () => stored.set("key", "made just now");
  const asked = ask(mustNotMake);
  await pass(5);
  assert.equal(await asked, "made just now");
  assert.deepEqual(results, ["found"]);
});

test("nothing is extended any more once the answer is made", async () => {
  const { ask, pass, told, stored } = world();
  const winner = making(stored);
  const first = ask(winner.make);
  await pass(ttlMs);
  assert(told.extensions >= 2);
  winner.finish("made");
  await first;
  await pass(5);
  const before = told.extensions;
  await pass(3 * ttlMs);
  assert.equal(told.extensions, before);
});

test("a caller who leaves while the store is asked makes nothing", async () => {
  const { ask, told, results } = world();
  const caller = new AbortController();
  told.onTake = () => caller.abort(new Error("left"));
  await assert.rejects(
    ask(mustNotMake, caller.signal, async (signal) => {
      signal.throwIfAborted();
      return undefined;
    }),
    /left/,
  );
  assert.deepEqual(results, []);
});

test("a lease lasts for as long as its holder is at it", async () => {
  const { ask, held, pass, stored } = world();
  const winner = making(stored);
  const first = ask(winner.make);
  await pass(10 * ttlMs);
  assert(held("key") !== undefined);
  winner.finish("made");
  winner.write("made");
  await first;
});

test("the lease of a holder that died is taken over after its end, and not before", async () => {
  const { ask, pass, results, stored } = world();
  const dead = ask(() => new Promise(() => undefined));
  await pass(5);
  // Its timer has died with it.
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval"] });
  const heir = making(stored);
  const second = ask(heir.make);
  await pass(ttlMs - 10);
  assert.equal(heir.calls(), 0);
  await pass(200);
  assert.equal(heir.calls(), 1);
  heir.finish("made");
  assert.equal(await second, "made");
  assert.deepEqual(results, ["won", "taken-over"]);
  void dead;
});

test("a holder that fails lets go at once, and the next one takes over", async () => {
  const { ask, held, pass, results, stored } = world();
  const winner = making(stored);
  const first = ask(winner.make);
  await pass(5);
  const heir = making(stored);
  const second = ask(heir.make);
  await pass(20);
  winner.fail(new Error("boom"));
  await assert.rejects(first, /boom/);
  await pass(100);
  assert.equal(heir.calls(), 1);
  heir.finish("made");
  heir.write("made");
  assert.equal(await second, "made");
  assert.deepEqual(results, ["won", "taken-over"]);
  await pass(5);
  assert.equal(held("key"), undefined);
});

test("who waits looks less and less often, up to ten times a second, and at times of their own", async () => {
  const waits = async (uniform: number) => {
    const { ask, pass, stored, told } = world({ random: () => uniform });
    void ask(making(stored).make);
    await pass(5);
    void ask(mustNotMake);
    await pass(1000);
    return told.pausesMs.slice(0, 9);
  };
  const longest = await waits(0);
  assert.deepEqual(
    longest.map((ms) => Math.round(ms)),
    [10, 15, 23, 34, 51, 76, 100, 100, 100],
  );
  assert.deepEqual(
    (await waits(0.5)).map((ms, i) => ms / (longest[i] ?? 0)),
    longest.map(() => 0.75),
  );
});

test("a caller that leaves does not wait on", async () => {
  const { ask, pass, stored } = world();
  const winner = making(stored);
  void ask(winner.make);
  await pass(5);
  const caller = new AbortController();
  const second = ask(mustNotMake, caller.signal);
  await pass(20);
  caller.abort(new Error("left"));
  await assert.rejects(second, /left/);
  winner.finish("made");
});
