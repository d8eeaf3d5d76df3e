import assert from "node:assert/strict";
import { test } from "node:test";
import { shardGuards } from "./shards.ts";

test("a guard belongs to a master, and is forgotten once another master is new and it is none any more", () => {
  const client = { slots: Array<string[]>(16384).fill(["a:1", "b:1"]) };
  const forgotten: { master: string }[] = [];
  const guardOf = shardGuards(
    client,
    (master) => ({ master }),
    (guard) => forgotten.push(guard),
  );
  const old = guardOf("key");
  assert.equal(old.master, "a:1");
  assert.equal(guardOf("another key"), old);

  client.slots.fill(["b:1"]);
  assert.equal(guardOf("key").master, "b:1");
  assert.deepEqual(forgotten, [old]);
  client.slots.fill(["a:1"]);
  assert.notEqual(guardOf("key"), old);
});
