import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { layered, type NamedTier, type TierName } from "./layered.ts";
import type { Entry } from "./tier.ts";

const entryAt = (storedAt: number, value = "v"): Entry<string> => ({
  ...{ value, storedAt, freshForMs: 100, computeMs: 1, epoch: 0, scopes: [] },
});
const signal = new AbortController().signal;

/** A tier in a Map, which fails and waits when a test says so. */
function fakeTier(name: TierName) {
  const entries = new Map<string, Entry<string>>();
  const fake = {
    entries,
    down: false,
    reads: 0,
    writes: 0,
    released: Promise.resolve(),
    tier: {
      name,
      async read(key) {
        fake.reads++;
        if (fake.down) throw new Error(`${name} is down`);
        return entries.get(key);
      },
      readNow: name === "memory" ? (key) => entries.get(key) : undefined,
      async write(key, entry) {
        fake.writes++;
        await fake.released;
        if (fake.down) throw new Error(`${name} is down`);
        entries.set(key, entry);
      },
    } satisfies NamedTier<string>,
  };
  return fake;
}

function cacheOf(...fakes: ReturnType<typeof fakeTier>[]) {
  const seen: string[] = [];
  const cache = layered(
    fakes.map(({ tier }) => tier),
    {
      now: () => 1000,
      writesThrough: true,
      bytesOf: (value) => value.length,
      maxValueBytes: 10,
      onRead: (tier, result) => seen.push(`${tier} ${result}`),
      onTooLarge: () => seen.push("too large"),
      onWriteFailure: (tier) => seen.push(`${tier} write failed`),
    },
  );
  return { cache, seen };
}

describe("reading", () => {
  test("what is read far away does not replace what was written near by meanwhile, if that is newer", async () => {
    for (const [storedAt, kept] of [
      [960, "written"],
      [940, "read"],
    ] as const) {
      const [near, far] = [fakeTier("memory"), fakeTier("redis")];
      const { cache } = cacheOf(near, far);
      far.entries.set("k", entryAt(950, "read"));
      const reading = cache.read("k", signal);
      near.entries.set("k", entryAt(storedAt, "written"));
      await reading;
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(near.entries.get("k")?.value, kept);
    }
  });

  test("the near tier is asked first, and a fresh entry there ends it", async () => {
    const [near, far] = [fakeTier("memory"), fakeTier("redis")];
    const { cache, seen } = cacheOf(near, far);
    near.entries.set("k", entryAt(950, "near"));
    const { found, failures } = await cache.read("k", signal);
    assert.deepEqual([found?.entry.value, found?.tier, failures.size], ["near", "memory", 0]);
    assert.equal(far.reads, 0);
    assert.deepEqual(seen, ["memory fresh"]);
  });

  test("a fresh entry of the far tier fills the near one; a stale one does not", async () => {
    const [near, far] = [fakeTier("memory"), fakeTier("redis")];
    const { cache, seen } = cacheOf(near, far);
    far.entries.set("fresh", entryAt(950)).set("stale", entryAt(100));
    for (const key of ["fresh", "stale"]) assert.equal((await cache.read(key, signal)).found?.tier, "redis");
    await new Promise(setImmediate);
    assert.deepEqual([...near.entries.keys()], ["fresh"]);
    assert.equal(far.writes, 0);
    assert.deepEqual(seen, ["memory miss", "redis fresh", "memory miss", "redis stale"]);
  });

  test("an entry that may not serve who asks hides none in a tier behind, and is replaced by it", async () => {
    const [near, far] = [fakeTier("memory"), fakeTier("redis")];
    const { cache, seen } = cacheOf(near, far);
    near.entries.set("k", entryAt(950, "near"));
    far.entries.set("k", entryAt(940, "far"));
    const accepts = ({ value }: Entry<string>) => value === "far";
    assert.equal(cache.readNow("k", accepts), undefined);
    const { found, failures } = await cache.read("k", signal, accepts);
    assert.deepEqual([found?.entry.value, found?.tier, failures.size], ["far", "redis", 0]);
    await new Promise(setImmediate);
    assert.equal(near.entries.get("k")?.value, "far");
    assert.deepEqual(seen, ["memory miss", "redis fresh"]);
    assert.equal((await cache.read("k", signal, () => false)).found, undefined);
  });

  test("what is had at once is fresh, or it is not taken: a tier behind may have a fresh one", async () => {
    const [near, far] = [fakeTier("memory"), fakeTier("redis")];
    const { cache, seen } = cacheOf(near, far);
    near.entries.set("fresh", entryAt(950)).set("stale", entryAt(900));
    far.entries.set("stale", entryAt(901, "anew"));
    assert.equal(cache.readNow("fresh")?.found?.tier, "memory");
    assert.equal(cache.readNow("stale"), undefined);
    assert.equal(cache.readNow("none"), undefined);
    assert.deepEqual([seen, far.reads], [["memory fresh"], 0]);
    assert.equal((await cache.read("stale", signal)).found?.entry.value, "anew");
  });

  test("what is found is not held up by the near tier, which takes its time to be filled", async () => {
    const [near, far] = [fakeTier("memory"), fakeTier("redis")];
    near.released = new Promise(() => undefined);
    far.entries.set("k", entryAt(950));
    let found = false;
    void cacheOf(near, far)
      .cache.read("k", signal)
      .then(() => {
        found = true;
      });
    await new Promise(setImmediate);
    assert.deepEqual([found, near.writes], [true, 1]);
  });

  test("of stale entries the newest is found", async () => {
    const [near, far] = [fakeTier("memory"), fakeTier("redis")];
    near.entries.set("k", entryAt(200, "newer"));
    far.entries.set("k", entryAt(100, "older"));
    const { found } = await cacheOf(near, far).cache.read("k", signal);
    assert.equal(found?.entry.value, "newer");
  });

  test("a tier that is down is no miss: its failure is told, and the next tier is asked", async () => {
    const [near, far] = [fakeTier("memory"), fakeTier("redis")];
    const { cache, seen } = cacheOf(near, far);
    near.down = true;
    far.entries.set("k", entryAt(950));
    const { found, failures } = await cache.read("k", signal);
    assert.deepEqual([found?.tier, [...failures.keys()]], ["redis", ["memory"]]);
    far.down = true;
    const nothing = await cache.read("other", signal);
    assert.deepEqual([nothing.found, [...nothing.failures.keys()]], [undefined, ["memory", "redis"]]);
    assert(seen.includes("redis failed") && !seen.includes("redis miss"));
  });

  test("an aborted signal is no tier's failure", async () => {
    const near = fakeTier("memory");
    const { cache, seen } = cacheOf(near);
    near.down = true;
    await assert.rejects(cache.read("k", AbortSignal.abort(new Error("left"))));
    assert.deepEqual(seen, []);
  });
});

describe("writing", () => {
  test("a write is over when every tier has the entry", async () => {
    const [near, far] = [fakeTier("memory"), fakeTier("redis")];
    const { promise, resolve } = Promise.withResolvers<void>();
    far.released = promise;
    let over = false;
    const written = cacheOf(near, far)
      .cache.write("k", entryAt(1000))
      .then(() => {
        over = true;
      });
    await new Promise(setImmediate);
    assert.deepEqual([near.entries.size, far.entries.size, over], [1, 0, false]);
    resolve();
    await written;
    assert.equal(far.entries.size, 1);
  });

  test("a tier that takes its time keeps no other from being written", async () => {
    const [near, far] = [fakeTier("memory"), fakeTier("redis")];
    near.released = new Promise(() => undefined);
    void cacheOf(near, far).cache.write("k", entryAt(1000));
    await new Promise(setImmediate);
    assert.equal(far.entries.size, 1);
  });

  test("a failed write is told, and rejects nothing", async () => {
    const tier = fakeTier("redis");
    tier.down = true;
    const { cache, seen } = cacheOf(tier);
    await cache.write("k", entryAt(1000));
    assert.deepEqual(seen, ["redis write failed"]);
  });

  test("a value over the limit is stored in no tier, and counted", async () => {
    const tier = fakeTier("memory");
    const { cache, seen } = cacheOf(tier);
    await cache.write("k", entryAt(1000, "x".repeat(11)));
    assert.deepEqual([seen, tier.entries.size], [["too large"], 0]);
    await cache.write("k", entryAt(1000, "x".repeat(10)));
    assert.equal(tier.entries.size, 1);
  });
});
