import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { type Policy, untilAborted } from "../resilience/policy.ts";
import { type LeaseResult, type LeaseStore, oncePerCluster } from "./lease.ts";

const ttlMs = 600;
const direct: Policy = (call) => call;
const staying = () => new AbortController().signal;

/** Leases and what is stored, in a time that the test moves on. */
function world({ limit = direct, random = () => 0 }: { limit?: Policy; random?: () => number } = {}) {
  let now = 0;
  let ill = false;
  const leases = new Map<string, { token: string; until: number }>();
  const stored = new Map<string, string>();
  const results: LeaseResult[] = [];
  const told = { drops: 0, extensions: 0, onTake: () => {}, pausesMs: [] as number[] };
  let dropped = Promise.resolve();
  const pauses: { at: number; resume(): void }[] = [];
  const held = (key: string) => {
    const lease = leases.get(key);
    return lease !== undefined && lease.until > now ? lease : undefined;
  };
  const asked = async () => {
    if (ill) throw new Error("the shard is ill");
  };
  const store: LeaseStore = {
    async take(key, token, ms, signal) {
      await asked();
      signal.throwIfAborted();
      told.onTake();
      if (held(key) !== undefined) return false;
      leases.set(key, { token, until: now + ms });
      return true;
    },
    async extend(key, token, ms) {
      told.extensions++;
      await asked();
      const lease = held(key);
      if (lease?.token === token) lease.until = now + ms;
    },
    async drop(key, token) {
      told.drops++;
      await dropped;
      await asked();
      if (held(key)?.token === token) leases.delete(key);
    },
  };
  let tokens = 0;
  const once = oncePerCluster({
    store,
    ttlMs,
    limit,
    newToken: () => `token ${++tokens}`,
    pause: (ms, signal) =>
      new Promise((resolve, reject) => {
        told.pausesMs.push(ms);
        pauses.push({ at: now + ms, resume: resolve });
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
    random,
    onResult: (result) => results.push(result),
  });
  return {
    results,
    held,
    stored,
    told,
    ask: (
      make: () => Promise<{ value: string; stored: Promise<void> }>,
      signal = staying(),
      look: (signal: AbortSignal) => Promise<string | undefined> = async () => stored.get("key"),
    ) => once("key", look, make, signal),
    fallIll: () => {
      ill = true;
    },
    answerNoDrop: () => {
      dropped = new Promise(() => undefined);
    },
    /** Lets `ms` go by, in steps in which everything that is due happens. */
    async pass(ms: number) {
      for (const end = now + ms; now < end; ) {
        now += 5;
        mock.timers.tick(5);
        for (const pause of pauses.splice(0)) {
          if (pause.at <= now) pause.resume();
          else pauses.push(pause);
        }
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      }
    },
  };
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval"] });
});

/** Something that is made when the test says so. */
function making(stored: Map<string, string>) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const written = Promise.withResolvers<void>();
  let calls = 0;
  return {
    calls: () => calls,
    finish: resolve,
    fail: reject,
    write: (value: string) => {
      stored.set("key", value);
      written.resolve();
    },
    make: async () => {
      calls++;
      return { value: await promise, stored: written.promise };
    },
  };
}

const mustNotMake = () => Promise.reject(new Error("made twice"));

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
  for (const { ask, stored, results } of [taking, looking]) {
    const maker = making(stored);
    maker.finish("made");
    const seen: AbortSignal[] = [];
    const look = (signal: AbortSignal) => {
      seen.push(signal);
      slow();
      return new Promise<undefined>(() => undefined);
    };
    assert.equal(await ask(maker.make, staying(), look), "made");
    assert.deepEqual([results, seen.every(({ aborted }) => aborted)], [["skipped"], true]);
  }
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
