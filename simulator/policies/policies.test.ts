import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { LRUCache } from "lru-cache";
import { zipfRequests } from "../bench/zipf.ts";
import { type PolicyName, policies } from "./catalog.ts";
import type { Cache } from "./policy.ts";
import { nextUse } from "./structures/next-use.ts";

const names = Object.keys(policies) as PolicyName[];
const KEYS = 24;

/** Requests with some locality, so that hits, ghosts and promotions all come up. */
const streams = fc
  .array(fc.oneof(fc.nat(KEYS - 1), fc.nat(5)), { minLength: 1, maxLength: 400, size: "max" })
  .map((keys) => Uint32Array.from(keys));
const capacities = fc.integer({ min: 1, max: KEYS + 2 });
const weights = fc
  .array(fc.integer({ min: 1, max: 9 }), { minLength: KEYS, maxLength: KEYS })
  .map((values) => Uint32Array.from(values));

function hitsOf(cache: Cache, requests: Uint32Array): number {
  return requests.reduce((hits, key) => hits + (cache.access(key) ? 1 : 0), 0);
}

test("the catalog lists each policy's file by its name", () => {
  const support = ["catalog.ts", "policy.ts"];
  const files = readdirSync(new URL(".", import.meta.url)).filter(
    (file) => /^[^.]+\.ts$/.test(file) && !support.includes(file),
  );
  assert.deepEqual(files.map((file) => file.replace(".ts", "")).sort(), [...names].sort());
  for (const name of names) assert.equal(policies[name].name, name);
});

test("belady refuses to work without the future", () => {
  assert.throws(() => policies.belady.create({ capacity: 1, keys: 1 }), RangeError);
});

for (const name of names) {
  test(`${name}: never holds more than its capacity, and hits what it holds`, () => {
    fc.assert(
      fc.property(
        streams,
        capacities,
        fc.option(weights, { nil: undefined }),
        (requests, capacity, weight) => {
          const held = new Set<number>();
          const options = weight === undefined ? {} : { weight };
          const weigh = (key: number) => weight?.[key] ?? 1;
          const future = nextUse(requests, KEYS);
          const onEvict = (key: number) => assert.ok(held.delete(key), `evicted ${key}, which was not held`);
          const cache = policies[name].create({ capacity, keys: KEYS, future, onEvict, ...options });
          for (const key of requests) {
            const expected = cache.has(key);
            assert.equal(expected, held.has(key));
            assert.equal(cache.has(key), expected, "has changed something");
            // Held before the access, so that a policy may turn down what it just took in.
            if (weigh(key) <= capacity) held.add(key);
            assert.equal(cache.access(key), expected);
            assert.ok(cache.size <= capacity, `${cache.size} of ${capacity}`);
            assert.equal(
              cache.size,
              [...held].reduce((sum, each) => sum + weigh(each), 0),
            );
          }
        },
      ),
    );
  });

  test(`${name}: what is removed is gone, and all else stays`, () => {
    fc.assert(
      fc.property(
        streams,
        capacities,
        fc.option(weights, { nil: undefined }),
        fc.array(fc.nat(KEYS - 1), { minLength: 1, maxLength: 60, size: "max" }),
        (requests, capacity, weight, removals) => {
          const options = weight === undefined ? {} : { weight };
          const future = nextUse(requests, KEYS);
          const cache = policies[name].create({ capacity, keys: KEYS, future, ...options });
          for (const [i, key] of requests.entries()) {
            const gone = i % 3 === 0 ? removals[(i / 3) % removals.length] : undefined;
            if (gone !== undefined) {
              const before = Array.from({ length: KEYS }, (_, each) => cache.has(each));
              assert.equal(cache.remove(gone), before[gone]);
              before[gone] = false;
              assert.deepEqual(
                Array.from({ length: KEYS }, (_, each) => cache.has(each)),
                before,
              );
            }
            const expected = cache.has(key);
            assert.equal(cache.access(key), expected);
            assert.ok(cache.size <= capacity);
          }
          for (let key = 0; key < KEYS; key++) cache.remove(key);
          assert.equal(cache.size, 0);
        },
      ),
    );
  });

  test(`${name}: a cache for all keys misses each just once`, () => {
    fc.assert(
      fc.property(streams, (requests) => {
        const cache = policies[name].create({
          capacity: KEYS * 100,
          keys: KEYS,
          future: nextUse(requests, KEYS),
        });
        assert.equal(requests.length - hitsOf(cache, requests), new Set(requests).size);
      }),
    );
  });

  test(`${name}: weights that are all alike change nothing`, () => {
    fc.assert(
      fc.property(streams, capacities, (requests, capacity) => {
        const options = { keys: KEYS, future: nextUse(requests, KEYS) };
        const plain = policies[name].create({ ...options, capacity });
        const ones = policies[name].create({ ...options, capacity, weight: new Uint32Array(KEYS).fill(1) });
        for (const key of requests) assert.equal(ones.access(key), plain.access(key));
      }),
    );
  });

  test(`${name}: never beats belady`, () => {
    fc.assert(
      fc.property(streams, capacities, (requests, capacity) => {
        const future = nextUse(requests, KEYS);
        const bound = hitsOf(policies.belady.create({ capacity, keys: KEYS, future }), requests);
        const ours = hitsOf(policies[name].create({ capacity, keys: KEYS, future }), requests);
        assert.ok(ours <= bound, `${ours} hits, belady ${bound}`);
      }),
    );
  });
}

test("lru hits just as lru-cache does", () => {
  const requests = zipfRequests(200_000, 20_000, 1, 3);
  for (const capacity of [1, 100, 5000]) {
    const ours = policies.lru.create({ capacity, keys: 20_000 });
    const theirs = new LRUCache<number, true>({ max: capacity });
    for (const key of requests) {
      const hit = theirs.get(key) === true;
      if (!hit) theirs.set(key, true);
      assert.equal(ours.access(key), hit);
    }
  }
});

test("gdsf keeps what costs more to miss", () => {
  const cost = Float64Array.of(100, 1, 1, 1, 1);
  const cache = policies.gdsf.create({ capacity: 2, keys: 5, cost });
  for (const key of [0, 1, 2, 3, 4]) cache.access(key);
  assert.ok(cache.has(0));
});

test("lirs forgets the recency of what sinks below its oldest LIR key", () => {
  const cache = policies.lirs.create({ capacity: 3, keys: 4 });
  // Two LIR keys 0 and 1; 2 is HIR and would be promoted by its hit, had 0 and 1 not been asked for since.
  for (const key of [0, 1, 2, 0, 1, 2, 3]) cache.access(key);
  assert.deepEqual([0, 1, 2, 3].map(cache.has), [true, true, false, true]);
});

test("slru gives the protected room of a removed key back", () => {
  const cache = policies.slru.create({ capacity: 10, keys: 40 });
  for (let key = 0; key < 8; key++) {
    cache.access(key);
    cache.access(key);
  }
  for (let key = 0; key < 8; key++) cache.remove(key);
  for (const key of [10, 10, 11, 11]) cache.access(key);
  for (let key = 20; key < 32; key++) cache.access(key);
  assert.ok(cache.has(10) && cache.has(11));
});
