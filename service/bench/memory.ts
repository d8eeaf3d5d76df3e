import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { answerKind } from "../cache/answer-value.ts";
import { entryCodec } from "../cache/codec.ts";
import { type Embedding, embeddingKind } from "../cache/embedding-value.ts";
import type { CreateBoundedMap } from "../cache/eviction/bounded-map.ts";
import { evictionPolicies } from "../cache/eviction/policies.ts";
import { memoryTier } from "../cache/memory.ts";
import type { Entry } from "../cache/tier.ts";
import type { ValueKind } from "../cache/value-kind.ts";
import { Vector, type VectorForm } from "../cache/vector.ts";
import type { Answer } from "../inference/engine.ts";

/**
 * What 10,000 entries take: in this process's memory, as measured and as the tier estimates it, for each policy, and
 * in Redis, as encoded. Prints a line each.
 */
const count = 10_000;
const tenant = "harbour";
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");
const { signal } = new AbortController();

const words =
  "the breakwater takes the storm so that the harbour behind it stays calm and nobody asks what it cost".split(
    " ",
  );

/** A text such as models write, of about so many characters, and no two alike. */
function textOf(characters: number, seed: number): string {
  let text = `Answer ${seed}:`;
  for (let i = 0; text.length < characters; i++) text += ` ${words[(seed * 31 + i * i * 7) % words.length]}`;
  return text;
}

function answerOf(characters: number, seed: number): Answer {
  const usage = { prompt_tokens: 40, completion_tokens: Math.ceil(characters / 4), total_tokens: 0 };
  return { content: textOf(characters, seed), finishReason: "stop", usage, provenance: `generation=${seed}` };
}

function embeddingOf(dimensions: number, form: VectorForm, seed: number): Embedding {
  const components = Float32Array.from({ length: dimensions }, (_, i) => Math.sin(seed * 7919 + i * i));
  return { vector: Vector.of(components, form), provenance: `generation=${seed}` };
}

async function usedBytes(): Promise<number> {
  // Array buffers are freed by another thread, after the collection that found them unused.
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await delay(50);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function entryOf<V>(value: V, seed: number): Entry<V> {
  return {
    ...{ value, storedAt: Date.now(), freshForMs: 599_000.5, computeMs: 250.5, epoch: 0 },
    scopes: [`tenant:${tenant}`, `model:${tenant}:m`, "model:*:m", `key:${tenant}:${seed}`],
  };
}

/** Fills a tier that nothing holds once this has returned. */
async function inMemory<V>(kind: ValueKind<V>, createMap: CreateBoundedMap, make: (seed: number) => V) {
  const before = await usedBytes();
  const tier = memoryTier({
    ...{ kind, createMap, maxBytes: 1_000_000_000, staleMs: 3_600_000, now: Date.now },
    onEvicted: () => undefined,
    onTooLarge: () => undefined,
  });
  for (let seed = 0; seed < count; seed++) {
    await tier.write(`answer:4:${String(seed).padStart(64, "0")}`, entryOf(make(seed), seed), signal);
  }
  return { measured: (await usedBytes()) - before, estimated: tier.bytes() };
}

function inRedis<V>(kind: ValueKind<V>, make: (seed: number) => V, compressFromBytes: number): number {
  let stored = 0;
  const onEncoded = (_plain: number, bytes: number) => {
    stored += bytes;
  };
  const codec = entryCodec(kind, { compressFromBytes, maxValueBytes: 1_048_576 }, onEncoded);
  for (let seed = 0; seed < count; seed++) codec.encode(entryOf(make(seed), seed));
  return stored;
}

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

async function report<V>(what: string, kind: ValueKind<V>, make: (seed: number) => V, compress: number) {
  console.log(`${count} x ${what}, in Redis: ${mb(inRedis(kind, make, compress))}`);
  for (const [policy, createMap] of Object.entries(evictionPolicies)) {
    const { measured, estimated } = await inMemory(kind, createMap, make);
    const share = (measured / estimated).toFixed(2);
    console.log(`${count} x ${what}, in memory, ${policy}: ${mb(measured)}, ${share} of what is estimated`);
  }
}

const never = Number.POSITIVE_INFINITY;
for (const characters of [150, 2000]) {
  await report(`answer of ${characters} characters`, answerKind, (seed) => answerOf(characters, seed), 4096);
}
for (const form of ["float32", "int8"] as const) {
  await report(`vector of 1536 ${form}`, embeddingKind, (seed) => embeddingOf(1536, form, seed), never);
}
