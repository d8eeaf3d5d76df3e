import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cacheKey, canonicalJson, embeddingKey, isAnswerKey, keyPattern } from "./keys.ts";

const request = { model: "m", messages: [{ role: "user", content: "hi" }], temperature: 0.5 };
const keyOf = (fields: Readonly<Record<string, unknown>>, tenant = "public", epoch = "1") =>
  cacheKey(tenant, { ...request, ...fields }, epoch);

/** The same value with the keys of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, member]): [string, unknown] => [name, reversed(member)]);
  return Object.fromEntries(members.reverse());
}

test("canonical JSON does not depend on the order of keys, and loses nothing", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(canonicalJson(reversed(value)), canonicalJson(value));
      assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("requests share a key only where the model would be sent the same", () => {
  // Few names and values, so that equal requests and near misses both come up.
  const value = fc.constantFrom(0, 1, "1", "", null, true, [1], ["1"], [[1]], {}, { a: 1 });
  const name = fc.constantFrom("a", "b", "__proto__", "constructor", "stop", "seed");
  const fields = fc.dictionary(name, fc.oneof(value, fc.dictionary(name, value)), { noNullPrototype: true });
  fc.assert(
    fc.property(fields, fields, (one, other) => {
      const same = canonicalJson(one) === canonicalJson(other);
      assert.equal(
        cacheKey("t", { ...request, ...one }, "1") === cacheKey("t", { ...request, ...other }, "1"),
        same,
      );
    }),
    { numRuns: 2000 },
  );
});

test("a field that changes the answer changes the key", () => {
  const others = [
    { model: "other" },
    { messages: [{ role: "user", content: "hi " }] },
    { messages: [{ role: "system", content: "hi" }] },
    { messages: [{ role: "user", content: "hi", name: "x" }] },
    { temperature: 0.6 },
    { max_tokens: 5 },
    { seed: 5 },
    { a_field_of_tomorrow: 1 },
  ];
  assert.equal(new Set([keyOf({}), ...others.map((other) => keyOf(other))]).size, others.length + 1);
});

test("a default that is written out is another request: the model decides what its defaults are", () => {
  assert.equal(new Set([keyOf({}), keyOf({ n: 1 }), keyOf({ n: null })]).size, 3);
});

test("how an answer is delivered and accounted does not change the key", () => {
  const accounts = {
    user: "u1",
    metadata: { a: "b" },
    store: true,
    safety_identifier: "s1",
    prompt_cache_key: "p1",
    prompt_cache_retention: "24h",
  };
  assert.equal(keyOf({ ...accounts, stream: true, stream_options: { include_usage: true } }), keyOf({}));
  const embedding = (fields: object) => embeddingKey("public", { model: "m", ...fields }, "input", "1");
  assert.equal(embedding({ ...accounts, encoding_format: "base64" }), embedding({}));
  assert.notEqual(embedding({ dimensions: 256 }), embedding({}));
});

test("a name of delivery counts where it is not delivery: within another field", () => {
  assert.notEqual(keyOf({ response_format: { stream: true } }), keyOf({ response_format: {} }));
});

test("a field that is undefined is none, as it is in what the model is sent", () => {
  assert.equal(keyOf({ seed: undefined }), keyOf({}));
  assert.notEqual(keyOf({ seed: undefined }), keyOf({ seed: null }));
});

test("names are put in the order of their code units: some are equal to a language, and every replica has its own", () => {
  const [composed, decomposed] = ["\u00e9", "e\u0301"];
  assert.equal(keyOf({ [composed]: 1, [decomposed]: 2 }), keyOf({ [decomposed]: 2, [composed]: 1 }));
  assert.equal(canonicalJson({ a: 1, B: 2 }), '{"B":2,"a":1}');
});

test("it can be told whether a text is a key, and what of", () => {
  const answer = keyOf({});
  const embedding = embeddingKey("public", { model: "m" }, "input", "1");
  assert.deepEqual([answer, embedding].map(isAnswerKey), [true, false]);
  for (const key of [answer, embedding]) {
    assert.match(key, keyPattern);
    for (const other of [`x${key}`, `${key}0`, key.slice(0, -1)]) assert.doesNotMatch(other, keyPattern);
  }
});

test("tenants never share a key, nor do model epochs", () => {
  assert.equal(new Set([keyOf({}), keyOf({}, "b"), keyOf({}, "public", "2")]).size, 3);
});

test("nor do embeddings of two tenants, epochs or inputs, wherever one part ends and the next begins", () => {
  const request = { model: "m" };
  const parts: [tenant: string, input: string, epoch: string][] = [
    ["a", "x", "1"],
    ["b", "x", "1"],
    ["a", "x", "2"],
    ["a", "y", "1"],
    ["a1", "x", ""],
    ["a", "", "1x"],
    ["", "x", "a1"],
  ];
  const keys = parts.map(([tenant, input, epoch]) => embeddingKey(tenant, request, input, epoch));
  assert.equal(new Set(keys).size, parts.length);
  assert.notEqual(keyOf({}, "a", "11"), keyOf({}, "a1", "1"));
});

test("1 and 1.0 are one number, to the model as well", () => {
  assert.equal(keyOf(JSON.parse('{"top_p":1.0}')), keyOf(JSON.parse('{"top_p":1}')));
});

test("texts count as they were sent: composed or not, and with surrogates that stand alone", () => {
  const texts = ["\u00e9", "e\u0301", "\ud800", "\ud801", "\ufffd", "\\ud800"];
  const keys = texts.map((content) => keyOf({ messages: [{ role: "user", content }] }));
  assert.equal(new Set(keys).size, texts.length);
});

test("__proto__ is data, and changes nothing else", () => {
  const polluting = (value: number) =>
    keyOf({ response_format: JSON.parse(`{"__proto__":{"polluted":${value}}}`) });
  assert.notEqual(polluting(1), polluting(2));
  assert.notEqual(polluting(1), keyOf({ response_format: {} }));
  assert.equal(Reflect.get({}, "polluted"), undefined);
});
