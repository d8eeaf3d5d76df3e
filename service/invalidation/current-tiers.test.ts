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
    write: async (key, written) => void entries.set(key, written),
  };
}

test("what is not current is neither read nor stored, and counted by tier", async () => {
  const entries = new Map<string, Entry<string>>();
  const counted: string[] = [];
  let valid = 1;
  const isCurrent = ({ epoch }: { epoch: number }) => epoch >= valid;
  const [tier] = currentTiers([memory(entries)], { isCurrent }, (name) => counted.push(name));
  assert(tier !== undefined);
  await tier.write("old", entry(0), signal);
  await tier.write("new", entry(1), signal);
  assert.deepEqual([...entries.keys()], ["new"]);
  assert.equal((await tier.read("new", signal))?.epoch, 1);
  assert.equal(await tier.read("none", signal), undefined);
  assert.deepEqual(counted, []);
  valid = 2;
  assert.equal(await tier.read("new", signal), undefined);
  assert.deepEqual(counted, ["memory"]);
});

test("without invalidations the tiers are as they are", () => {
  const tiers = [memory(new Map())];
  assert.equal(
    currentTiers(tiers, undefined, () => undefined),
    tiers,
  );
});
