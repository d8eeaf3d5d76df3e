import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { entryCodec } from "./codec.ts";
import { type Embedding, embeddingKind } from "./embedding-value.ts";
import { evictionPolicies } from "./eviction/policies.ts";
import { memoryTier } from "./memory.ts";
import type { Entry } from "./tier.ts";
import { Vector, type VectorForm } from "./vector.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");
const dimensions = 512;
const values = Float32Array.from({ length: dimensions }, (_, i) => Math.sin(i));

function entryOf(form: VectorForm, provenance = "generation=1"): Entry<Embedding> {
  return {
    value: { vector: Vector.of(values, form), provenance },
    ...{ storedAt: 1_700_000_000_000, freshForMs: 1000.5, computeMs: 3.5, epoch: 4, scopes: ["tenant:a"] },
  };
}

const codec = entryCodec(
  embeddingKind,
  { compressFromBytes: Number.POSITIVE_INFINITY, maxValueBytes: 65_536 },
  () => undefined,
);

for (const form of ["float32", "int8"] as const) {
  test(`${form}: what was encoded is decoded again, and its vector is not written as JSON`, () => {
    const entry = entryOf(form);
    const bytes = codec.encode(entry);
    assert(bytes.length < 300 + (form === "float32" ? 4 : 1) * dimensions, `${bytes.length}`);
    const decoded = codec.decode(bytes);
    assert("entry" in decoded);
    const { vector, ...rest } = decoded.entry.value;
    assert.equal(vector.base64(), entry.value.vector.base64());
    assert.deepEqual(
      { ...decoded.entry, value: rest },
      { ...entry, value: { provenance: entry.value.provenance } },
    );
    // The reply that it was read from is not held, and may be written over.
    bytes.fill(0);
    assert.equal(vector.base64(), entry.value.vector.base64());
  });

  test(`${form}: a tier in memory takes as much as it says, array buffers included`, async () => {
    const { signal } = new AbortController();
    const used = async () => {
      // Array buffers are freed by another thread, after the collection that found them unused.
      for (let i = 0; i < 3; i++) {
        collectGarbage();
        await delay(20);
      }
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = await used();
    const tier = memoryTier({
      kind: embeddingKind,
      createMap: evictionPolicies.sieve,
      maxBytes: 8_000_000,
      staleMs: 1000,
      now: () => 1_700_000_000_000,
      onEvicted: () => undefined,
      onTooLarge: () => undefined,
    });
    for (let i = 0; i < 12_000; i++) {
      const entry = entryOf(form, JSON.parse(`"generation=${i}"`));
      await tier.write(`embedding:4:${String(i).padStart(64, "0")}`, entry, signal);
    }
    const grown = (await used()) - before;
    const said = `${tier.entries()} entries: grown ${grown}, estimated ${tier.bytes()}`;
    assert(grown < 1.3 * tier.bytes() && grown > 0.6 * tier.bytes(), said);
  });
}
