import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { newTrail } from "../answering/answering.ts";
import { DependencyGone } from "../answering/dependency-gone.ts";
import type { CacheRule } from "../cache/cacheable.ts";
import type { Embedding } from "../cache/embedding-value.ts";
import type { Cache, Lookup } from "../cache/layered.ts";
import type { Entry } from "../cache/tier.ts";
import { Vector } from "../cache/vector.ts";
import { createEmbed, type EmbeddingDeps } from "./embedding.ts";

const caching: CacheRule = {
  ...{ read: true, store: true, onlyIfCached: false, maxAgeMs: undefined, reason: "cacheable" },
};
const embedding: Embedding = { vector: Vector.of(Float32Array.of(1), "float32"), provenance: undefined };
const nothing: Lookup<Embedding> = { found: undefined, failures: new Map() };
const failed: Lookup<Embedding> = { found: undefined, failures: new Map([["redis", new Error("gone")]]) };
const last: Lookup<Embedding> = {
  failures: new Map(),
  found: {
    tier: "memory",
    entry: { value: embedding, scopes: [], storedAt: 0, freshForMs: 1, computeMs: 0, epoch: 0 },
  },
};

/** Embeds two inputs, over a cache that says this of each, and ends a write only when told; never one of a key that it could not read. */
function embedTwo(
  known: (key: string) => Lookup<Embedding>,
  {
    writesThrough = true,
    rule = caching,
    signal = new AbortController().signal,
    ...settings
  }: Partial<EmbeddingDeps> & {
    readonly writesThrough?: boolean;
    readonly rule?: CacheRule;
    readonly signal?: AbortSignal;
  } = {},
) {
  const written: Entry<Embedding>[] = [];
  const ill = new Set<string>();
  const { promise: end, resolve: endWrites } = Promise.withResolvers<void>();
  const cache: Cache<Embedding> = {
    async read(key) {
      const lookup = known(key);
      if (lookup.failures.size > 0) ill.add(key);
      return lookup;
    },
    readNow: () => undefined,
    async write(key, entry) {
      written.push(entry);
      await (ill.has(key) ? new Promise(() => undefined) : end);
    },
    writesThrough,
  };
  let engineCalls = 0;
  const embed = createEmbed({
    ...{ cache, form: "float32", modelEpoch: "1", epoch: () => 0, scoped: false, freshMs: 1000 },
    ...{ fallback: true, cacheConcurrency: 2, now: () => 100, onInput: () => undefined },
    ...{ onProblem: () => undefined },
    freshness: { revalidateMs: undefined, staleMs: 1000, earlyBeta: undefined },
    engine: {
      async embed({ inputs }) {
        engineCalls++;
        const vectors = inputs.map(() => Float32Array.of(1));
        return { vectors, promptTokens: inputs.length, provenance: undefined };
      },
    },
    ...settings,
  });
  const trail = newTrail();
  let answered = false;
  const reply = embed(
    {
      ...({ request: { model: "m" }, tenant: "a", priority: "normal", deadline: undefined } as const),
      ...{ inputs: ["one", "two"], tags: [], rule },
    },
    trail,
    signal,
  ).finally(() => {
    answered = true;
  });
  return { reply, written, endWrites, trail, answered: () => answered, engineCalls: () => engineCalls };
}

/** Long enough for all that waits for nothing. */
async function settled() {
  for (let i = 0; i < 20; i++) await turn();
}

test("write-through: the answer waits until every input is written; write-behind: for none", async () => {
  const through = embedTwo(() => nothing);
  await settled();
  assert.deepEqual([through.written.length, through.answered()], [2, false]);
  through.endWrites();
  assert.equal((await through.reply).vectors.length, 2);
  const behind = embedTwo(() => nothing, { writesThrough: false });
  await settled();
  assert.deepEqual([behind.written.length, behind.answered()], [2, true]);
});

test("write-through: an input that could not be read is written and not waited for, the others are waited for", async () => {
  let reads = 0;
  const { written, answered, reply, endWrites } = embedTwo(() => (reads++ === 0 ? failed : nothing));
  await settled();
  assert.deepEqual([written.length, answered()], [2, false]);
  endWrites();
  assert.equal((await reply).vectors.length, 2);
});

test("write-through: one request's writes go out a few at a time, those that nobody waits for too", async () => {
  for (const lookup of [nothing, failed]) {
    const { written } = embedTwo(() => lookup, { cacheConcurrency: 1 });
    await settled();
    assert.equal(written.length, 1);
  }
});

test("no-store: nothing is stored, though the cache is asked", async () => {
  const { reply, written, endWrites, engineCalls } = embedTwo(() => nothing, {
    rule: { ...caching, store: false },
  });
  endWrites();
  assert.equal((await reply).vectors.length, 2);
  assert.deepEqual([written.length, engineCalls()], [0, 1]);
});

test("a cache that is gone: the engine answers; without fallbacks the request fails by it, and no engine is asked", async () => {
  const { reply, endWrites } = embedTwo(() => failed);
  endWrites();
  assert.equal((await reply).vectors.length, 2);
  const without = embedTwo(() => failed, { fallback: false });
  without.endWrites();
  await assert.rejects(
    without.reply,
    (thrown) => thrown instanceof DependencyGone && thrown.dependency === "redis",
  );
  assert.equal(without.engineCalls(), 0);
});

test("an engine that is gone: what is no longer fresh answers; without fallbacks the request fails by it", async () => {
  const engine = { embed: () => Promise.reject(new Error("gone")) };
  assert.equal((await embedTwo(() => last, { engine }).reply).vectors.length, 2);
  const { reply } = embedTwo(() => last, { engine, fallback: false });
  await assert.rejects(reply, (thrown) => thrown instanceof DependencyGone && thrown.dependency === "model");
});

test("an invalidation while the engine works concerns what it makes", async () => {
  let epoch = 7;
  const engine: EmbeddingDeps["engine"] = {
    async embed() {
      epoch = 8;
      return { vectors: [Float32Array.of(1), Float32Array.of(1)], promptTokens: 2, provenance: undefined };
    },
  };
  const { reply, written, endWrites } = embedTwo(() => nothing, { engine, epoch: () => epoch });
  endWrites();
  await reply;
  assert.deepEqual(
    written.map((entry) => entry.epoch),
    [7, 7],
  );
});

test("a caller who leaves while the engine works is given nothing else, and it is not held against the engine", async () => {
  const leaving = new AbortController();
  const problems: string[] = [];
  const engine: EmbeddingDeps["engine"] = {
    embed: (_call, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  };
  const { reply, trail } = embedTwo(() => last, {
    ...{ engine, signal: leaving.signal, onProblem: (code) => void problems.push(code) },
  });
  await settled();
  leaving.abort(new Error("left"));
  await assert.rejects(reply, /left/);
  assert.deepEqual([problems, [...trail.degraded]], [[], []]);
});

test("provenance is told where it is that of every vector, stored or made", async () => {
  const stored = (provenance: string | undefined): Lookup<Embedding> => ({
    failures: new Map(),
    found: {
      tier: "memory",
      entry: {
        ...{ value: { ...embedding, provenance }, scopes: [], storedAt: 100, freshForMs: 1000 },
        ...{ computeMs: 0, epoch: 0 },
      },
    },
  });
  for (const [first, second, told] of [
    ["one", "one", "one"],
    ["one", "other", undefined],
    ["one", undefined, undefined],
    [undefined, undefined, undefined],
  ] as const) {
    let reads = 0;
    const { reply } = embedTwo(() => stored(reads++ === 0 ? first : second));
    assert.equal((await reply).provenance, told);
  }
});

test("vectors of another number of dimensions than those stored are the engine's failure: not mixed with them", async () => {
  const two: Lookup<Embedding> = {
    failures: new Map(),
    found: {
      tier: "memory",
      entry: {
        ...{ value: { ...embedding, vector: Vector.of(Float32Array.of(1, 2), "int8") }, scopes: [] },
        ...{ storedAt: 100, freshForMs: 1000, computeMs: 0, epoch: 0 },
      },
    },
  };
  let reads = 0;
  const { reply, written } = embedTwo(() => (reads++ === 0 ? two : nothing));
  await assert.rejects(reply, (thrown) => thrown instanceof DependencyGone && thrown.dependency === "model");
  assert.equal(written.length, 0);
});
