import assert from "node:assert/strict";
import { test } from "node:test";
import { masterOf, shardGuards } from "./shards.ts";

function guardsOf(slots: string[][]) {
  const client = { slots };
  const made: { master: string }[] = [];
  const forgotten: { master: string }[] = [];
  const guardOf = shardGuards(
    client,
    (master) => {
      const guard = { master };
      made.push(guard);
      return guard;
    },
    (guard) => forgotten.push(guard),
  );
  return { client, made, forgotten, guardOf };
}

const everySlot = (...addresses: string[]) => Array<string[]>(16384).fill(addresses);

test("a guard belongs to a master, and is forgotten once another master is new and it is none any more", () => {
  const { client, guardOf, forgotten } = guardsOf(everySlot("a:1", "b:1"));
  const old = guardOf("key");
  assert.equal(old.master, "a:1");
  assert.equal(guardOf("another key"), old);

  client.slots.fill(["b:1"]);
  assert.equal(guardOf("key").master, "b:1");
  assert.deepEqual(forgotten, [old]);
  client.slots.fill(["a:1"]);
  assert.notEqual(guardOf("key"), old);
});

test("a key whose slot has moved is guarded by its new master's guard, and the others stay with theirs", () => {
  // "{3}" has slot 1584, "a" has slot 15495.
  const { client, guardOf, forgotten } = guardsOf(everySlot("a:1").fill(["b:1"], 8192));
  const [a, b] = [guardOf("{3}"), guardOf("a")];
  assert.notEqual(a, b);
  client.slots[1584] = ["b:1"];
  assert.equal(guardOf("{3}"), b);
  client.slots[1584] = ["a:1"];
  assert.equal(guardOf("{3}"), a);
  assert.deepEqual(forgotten, []);
});

test("addresses that are never used again leave nothing behind", () => {
  const { client, guardOf, made, forgotten } = guardsOf([]);
  assert.equal(guardOf("key").master, "unknown");
  for (let i = 0; i < 1000; i++) {
    client.slots = everySlot(`10.0.${i >> 8}.${i & 255}:6379`);
    guardOf("key");
  }
  assert.equal(made.length, 1001);
  assert.equal(forgotten.length, 1000);
});

test("no master is known before the slots are, and for a slot without an owner", () => {
  assert.equal(masterOf({ slots: [] }, "key"), undefined);
});
