import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Vector } from "./vector.ts";

const components = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), {
    minLength: 1,
    maxLength: 300,
  })
  .map((values) => Float32Array.from(values, (value) => (Math.abs(value) < 1e-6 ? 0 : value)));

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
const length = (a: Float32Array) => Math.sqrt(dot(a, a));
const cosine = (a: Float32Array, b: Float32Array) => dot(a, b) / (length(a) * length(b));

/** As Vector's docstring has it. */
function cosineBound(a: Float32Array): number {
  const largest = a.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  const sine = (largest / length(a)) * (Math.sqrt(a.length) / 254);
  return sine >= 1 ? -1 : Math.sqrt(1 - sine * sine);
}

test("float32 keeps every component, and so does what it is stored as", () => {
  fc.assert(
    fc.property(components, (values) => {
      const vector = Vector.of(values, "float32");
      assert.deepEqual(vector.floats(), values);
      assert.deepEqual(Vector.from(vector.form, vector.scale, vector.bytes()).floats(), values);
      assert.equal(vector.dimensions, values.length);
    }),
  );
});

test("int8 keeps the length, and the direction within the bound, in a quarter of the bytes", () => {
  fc.assert(
    fc.property(components, (values) => {
      const vector = Vector.of(values, "int8");
      assert.equal(vector.byteLength, values.length);
      const kept = vector.floats();
      assert.deepEqual(Vector.from(vector.form, vector.scale, vector.bytes()).floats(), kept);
      if (length(values) === 0) return assert.equal(length(kept), 0);
      assert(Math.abs(length(kept) / length(values) - 1) < 1e-5);
      assert(cosine(values, kept) >= cosineBound(values) - 1e-6);
    }),
    { numRuns: 1000 },
  );
});

test("of vectors as models make them, the cosine is off by less than 2 in 10,000", () => {
  for (const dimensions of [256, 1536]) {
    const gaussian = () =>
      Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    let worst = 1;
    for (let i = 0; i < 200; i++) {
      const values = Float32Array.from({ length: dimensions }, gaussian);
      worst = Math.min(worst, cosine(values, Vector.of(values, "int8").floats()));
    }
    assert(1 - worst < 2e-4, `${dimensions}: ${1 - worst}`);
  }
});

test("base64 is float32, little-endian, whatever the form", () => {
  const values = Float32Array.of(1, -1, 0.5);
  for (const form of ["float32", "int8"] as const) {
    const vector = Vector.of(values, form);
    const bytes = Buffer.from(vector.base64(), "base64");
    const read = [0, 4, 8].map((at) => bytes.readFloatLE(at));
    assert.deepEqual(read, [...vector.floats()]);
  }
});

test("nobody can change a vector: not by what it was made of, nor by what it gave out", () => {
  const values = Float32Array.of(1, 2);
  // As a reply of Redis is.
  const stored = Buffer.from(Vector.of(values, "float32").bytes());
  const [made, read] = [Vector.of(values, "float32"), Vector.from("float32", 1, stored)];
  values.fill(7);
  stored.fill(7);
  for (const vector of [made, read]) {
    vector.floats().fill(7);
    vector.bytes().fill(7);
    assert.deepEqual([...vector.floats()], [1, 2]);
  }
});

test("bytes that are no vector's are refused", () => {
  assert.throws(() => Vector.from("float32", 1, new Uint8Array(6)));
  assert.throws(() => Vector.from("int8", 1, new Uint8Array(0)));
});
