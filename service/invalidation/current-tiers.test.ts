import assert from "node:assert/strict";
import { test } from "node:test";
import type { NamedTier } from "../cache/layered.ts";
import type { Entry } from "../cache/tier.ts";
import { currentTiers } from "./current-tiers.ts";

const { signal } = new AbortController();
const entry = (epoch: number): Entry<string> => ({
  ...{ value: "x", storedAt: 0, freshForMs: 1, computeMs: 1, scopes: [] },
  epoch,
});

function memory(entries: Map<string, Entry<string>>): NamedTier<string> {
  return {
    name: "memory",
    read: async (key) => entries.get(key),
    readNow: (key) => entries.get(key),
    write: async (key, written) => void entries.set(key, written),
  };
}

test("what is not current is neither read nor stored, and counted by tier", async () => {
  const entries = new Map<string, Entry<string>>();
  const counted: string[] = [];
  let valid = 1;
  const isCurrent = ({ epoch }: { epoch: number }) => epoch >= valid;
  const judges = { isCurrent: () => assert.fail(), isCurrentHere: isCurrent };
  const [tier] = currentTiers([memory(entries)], judges, (name) => counted.push(name));
  assert(tier !== undefined);
  await tier.write("old", entry(0), signal);
  await tier.write("new", entry(1), signal);
  assert.deepEqual([...entries.keys()], ["new"]);
  assert.equal((await tier.read("new", signal))?.epoch, 1);
  assert.equal(tier.readNow?.("new")?.epoch, 1);
  for (const none of [await tier.read("none", signal), tier.readNow?.("none")]) assert.equal(none, undefined);
  assert.deepEqual(counted, []);
  valid = 2;
  assert.equal(await tier.read("new", signal), undefined);
  assert.equal(tier.readNow?.("new"), undefined);
  assert.deepEqual(counted, ["memory", "memory"]);
});

test("what is in memory is judged as this process's own, all else as everybody's", async () => {
  const own = new Map<string, Entry<string>>();
  const shared = new Map<string, Entry<string>>();
  const redis: NamedTier<string> = { ...memory(shared), name: "redis" };
  const blind = { isCurrent: () => false, isCurrentHere: () => true };
  const [first, second] = currentTiers([memory(own), redis], blind, () => undefined);
  for (const tier of [first, second]) await tier?.write("k", entry(0), signal);
  assert.deepEqual([own.size, shared.size], [1, 0]);
  shared.set("k", entry(0));
  assert.notEqual(await first?.read("k", signal), undefined);
  assert.equal(await second?.read("k", signal), undefined);
});

test("without invalidations the tiers are as they are", () => {
  const tiers = [memory(new Map())];
  assert.equal(
    currentTiers(tiers, undefined, () => undefined),
    tiers,
  );
});
