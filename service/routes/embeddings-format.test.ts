import assert from "node:assert/strict";
import { test } from "node:test";
import { Vector } from "../cache/vector.ts";
import { embeddingsData } from "./embeddings-format.ts";

const vectors = Array.from({ length: 64 }, (_, i) =>
  Vector.of(
    Float32Array.from({ length: 1024 }, (_, j) => Math.sin(i + j)),
    "float32",
  ),
);

test("embeddings are numbers, or float32 in base64, with their place", async () => {
  const [first, second] = [Float32Array.of(1, -0.5), Float32Array.of(0.25, 3)];
  const two = [first, second].map((components) => Vector.of(components, "float32"));
  assert.deepEqual(JSON.parse(`[${await embeddingsData(two, false)}]`), [
    { object: "embedding", index: 0, embedding: [1, -0.5] },
    { object: "embedding", index: 1, embedding: [0.25, 3] },
  ]);
  assert.deepEqual(
    JSON.parse(`[${await embeddingsData(two, true)}]`).map(
      ({ embedding }: { embedding: unknown }) => embedding,
    ),
    [first, second].map(({ buffer }) => Buffer.from(buffer).toString("base64")),
  );
});

test("while many are written, others have their turn", async () => {
  let turns = 0;
  let over = false;
  const others = () => {
    turns++;
    if (!over) setImmediate(others);
  };
  setImmediate(others);
  const text = await embeddingsData(vectors, false);
  over = true;
  assert.equal(JSON.parse(`[${text}]`).length, vectors.length);
  assert(turns >= 4, `${turns} turns`);
});
