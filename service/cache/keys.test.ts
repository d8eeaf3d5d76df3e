import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cacheKey, canonicalJson } from "./keys.ts";

const request = { model: "m", messages: [{ role: "user", content: "hi" }], temperature: 0.5 };

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

test("a field that changes the answer changes the key", () => {
  const known = cacheKey("public", request);
  const others = [
    { ...request, model: "other" },
    { ...request, messages: [{ role: "user", content: "hi " }] },
    { ...request, messages: [{ role: "system", content: "hi" }] },
    { ...request, temperature: 0.6 },
    { ...request, max_tokens: 5 },
    { ...request, a_field_of_tomorrow: 1 },
  ];
  const keys = others.map((other) => cacheKey("public", other));
  assert.equal(new Set([known, ...keys]).size, others.length + 1);
});

test("how an answer is delivered does not change the key", () => {
  const delivered = { ...request, stream: true, stream_options: { include_usage: true }, user: "u1" };
  assert.equal(cacheKey("public", delivered), cacheKey("public", request));
});

test("tenants never share a key", () => {
  assert.notEqual(cacheKey("a", request), cacheKey("b", request));
});
