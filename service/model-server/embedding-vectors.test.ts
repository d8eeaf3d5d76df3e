import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { embeddingDimensions, embeddingVector } from "./embedding-vectors.ts";

const embed = (text: string, dimensions = embeddingDimensions) => embeddingVector("m", "1", text, dimensions);
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

test("an embedding has the published form: this one was computed by hand with sha256sum", () => {
  // printf '%s' '["m","1","hi"]' | sha256sum begins with 92
  const signs = "10010010";
  const vector = embed("Hi!", 8);
  const expected = [...signs].map((sign) => (sign === "1" ? 1 : -1) / Math.sqrt(8));
  assert.deepEqual(vector, Float32Array.from(expected));
});

test("the same text has the same embedding, of length 1", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 256 }), (text, dimensions) => {
      const vector = embed(text, dimensions);
      assert.deepEqual(embed(text, dimensions), vector);
      assert.equal(vector.length, dimensions);
      assert(Math.abs(dot(vector, vector) - 1) < 1e-5);
    }),
  );
});

test("the more words two texts share, the more alike they are", () => {
  const asked = embed("how deep is the old harbour");
  const near = dot(asked, embed("How deep is the new harbour?"));
  const far = dot(asked, embed("who pays for all this concrete"));
  assert(near > 0.6 && far < 0.3, `${near} ${far}`);
});

test("another model or version embeds otherwise", () => {
  assert.notDeepEqual(embeddingVector("m", "2", "hi", 256), embed("hi"));
  assert.notDeepEqual(embeddingVector("n", "1", "hi", 256), embed("hi"));
});
