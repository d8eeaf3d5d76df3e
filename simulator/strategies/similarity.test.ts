import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RequestVectors } from "./embedder.ts";
import { replay } from "./replay.ts";
import { createNearestHeld } from "./similarity.ts";
import { smallLog } from "./small-log.fixture.ts";
import { strategySchema } from "./spec.ts";
import { trigrams } from "./trigrams.ts";

test("the nearest held key is that of a plain search, whatever was added and removed", () => {
  const keys = 8;
  const vector = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 });
  const steps = fc.array(fc.record({ add: fc.boolean(), key: fc.nat(keys - 1) }), { maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(vector, { minLength: keys, maxLength: keys }),
      steps,
      fc.nat(keys - 1),
      (vectors, course, asked) => {
        const values = Float32Array.from(vectors.flat());
        const held = createNearestHeld({ values, dimensions: 3 }, keys);
        const plain = new Set<number>();
        for (const { add, key } of course) {
          if (add) held.add(key);
          else held.remove(key);
          if (add) plain.add(key);
          else plain.delete(key);
        }
        const dot = (a: number, b: number) =>
          [0, 1, 2].reduce((sum, i) => sum + (values[a * 3 + i] ?? 0) * (values[b * 3 + i] ?? 0), 0);
        const best = [...plain].sort((a, b) => dot(asked, b) - dot(asked, a) || a - b)[0] ?? -1;
        assert.equal(held.nearest(asked).key, best);
      },
    ),
  );
});

for (const similarity of ["computed", "recorded"]) {
  test(`a semantic hit crosses neither tenants nor models, by ${similarity} similarity`, () => {
    const nearest = [0, 1] as const;
    const log = smallLog([
      { key: 0, tenant: "a", model: "m" },
      { key: 1, tenant: "a", model: "n", nearest },
      { key: 2, tenant: "b", model: "m", nearest },
      { key: 3, tenant: "a", model: "m", nearest },
    ]);
    const spec = strategySchema.parse({
      answers: {
        match: "semantic",
        tiers: [{ policy: "lru", capacity: 10 }],
        semantic: { similarity, threshold: 0.8 },
      },
    });
    const vectors = { values: Float32Array.of(1, 1, 1, 1), dimensions: 1 };
    assert.deepEqual([...replay(log, spec, { vectors }).servedBy], [0, 1, 2, 0]);
  });
}

test("an embedder's vectors answer a reworded request; a decision in place of the threshold may refuse it", async () => {
  const texts = [
    "How do I reset my password?",
    "how do i reset my  password",
    "What is the capital of France?",
  ];
  const embedded = new RequestVectors(trigrams);
  for (const [key, text] of texts.entries())
    embedded.add(key, { messages: [{ role: "user", content: text }] });
  await embedded.flush();
  const context = { vectors: embedded.of(texts.length) };
  const log = smallLog([{ key: 0 }, { key: 1 }, { key: 2 }]);
  const spec = strategySchema.parse({
    answers: {
      match: "semantic",
      tiers: [{ policy: "lru", capacity: 10 }],
      semantic: { similarity: "computed", threshold: 0.8 },
    },
  });
  assert.deepEqual([...replay(log, spec, context).outcome], [0, 1, 0]);
  assert.deepEqual([...replay(log, spec, context).servedBy], [0, 0, 2]);
  assert.deepEqual([...replay(log, spec, { ...context, accepts: () => false }).outcome], [0, 0, 0]);
});
