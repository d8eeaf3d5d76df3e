import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Answer } from "../inference/engine.ts";
import { answerKind } from "./answer-value.ts";
import { type EvictionPolicyName, evictionPolicies } from "./eviction/policies.ts";
import { entryHeapBytes, memoryTier } from "./memory.ts";
import type { Entry } from "./tier.ts";

const names: EvictionPolicyName[] = ["lru", "sieve", "s3-fifo"];
const signal = new AbortController().signal;
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

function tierOf(maxBytes: number, policy: EvictionPolicyName = "lru") {
  const told = { nowMs: 1_700_000_000_000, evicted: 0, tooLarge: 0 };
  const tier = memoryTier<Answer>({
    kind: answerKind,
    createMap: evictionPolicies[policy],
    maxBytes,
    staleMs: 1000,
    now: () => told.nowMs,
    onEvicted: () => told.evicted++,
    onTooLarge: () => told.tooLarge++,
  });
  return { tier, told };
}

/** As read back from Redis: no text is shared with another entry. */
function entryOf(content: string, more: Partial<Entry<Answer>> = {}): Entry<Answer> {
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  return {
    value: { content, finishReason: "stop", usage, provenance: JSON.parse(`"generation=${content.length}"`) },
    ...{ storedAt: 1_700_000_000_000, freshForMs: 500.5, computeMs: 3.3, epoch: 0 },
    scopes: JSON.parse('["tenant:a","model:m"]'),
    ...more,
  };
}

test("what was written is read, until it is too old even as a fallback", async () => {
  const { tier, told } = tierOf(1_000_000);
  const entry = entryOf("hello");
  await tier.write("k", entry, signal);
  assert.deepEqual(await tier.read("k", signal), entry);
  assert.equal(await tier.read("other", signal), undefined);
  told.nowMs += 1500;
  assert.deepEqual(await tier.read("k", signal), entry);
  told.nowMs += 1;
  assert.equal(await tier.read("k", signal), undefined);
  assert.deepEqual([tier.entries(), tier.bytes(), told.evicted], [0, 0, 0]);
});

test("nobody can change what another is given: neither who wrote it, nor who read it", async () => {
  const { tier } = tierOf(1_000_000);
  const scopes = ["tenant:a"];
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const value = { content: "hello", finishReason: "stop", usage, provenance: undefined };
  await tier.write("k", entryOf("", { value, scopes }), signal);
  value.content = "changed";
  usage.total_tokens = 7;
  scopes.push("tenant:b");
  const read = await tier.read("k", signal);
  assert(read !== undefined);
  assert.deepEqual(
    [read.value.content, read.value.usage?.total_tokens, read.scopes],
    ["hello", 3, ["tenant:a"]],
  );
  for (const part of [read, read.value, read.scopes, read.value.usage ?? {}]) assert(Object.isFrozen(part));
});

test("an entry over a sixteenth of the whole is not taken, and the one in its place goes", async () => {
  const { tier, told } = tierOf(160_000);
  await tier.write("k", entryOf("old"), signal);
  await tier.write("k", entryOf("x".repeat(9000)), signal);
  assert.equal((await tier.read("k", signal))?.value.content.length, 9000);
  await tier.write("k", entryOf("x".repeat(10_000)), signal);
  assert.equal(await tier.read("k", signal), undefined);
  assert.deepEqual([told.tooLarge, told.evicted], [1, 0]);
});

test("characters beyond Latin-1 count double", async () => {
  const [latin, other] = [tierOf(1_000_000), tierOf(1_000_000)];
  await latin.tier.write("k", entryOf("é".repeat(8000)), signal);
  await other.tier.write("k", entryOf("ж".repeat(8000)), signal);
  assert.equal(other.tier.bytes() - latin.tier.bytes(), 8000);
});

test("scopes count with the entry that has them", async () => {
  const [few, many] = [tierOf(1_000_000), tierOf(1_000_000)];
  await few.tier.write("k", entryOf("x", { scopes: [] }), signal);
  await many.tier.write("k", entryOf("x", { scopes: Array(20).fill("tag:a:".padEnd(200, "x")) }), signal);
  assert(many.tier.bytes() - few.tier.bytes() > 20 * 200);
});

test("keys that are only remembered take of what there is as well", async () => {
  const { tier, told } = tierOf(1_000_000, "s3-fifo");
  for (let i = 0; told.evicted < 1000; i++) await tier.write(`${i}`.padStart(10), entryOf("x"), signal);
  const remembered = tier.bytes() - tier.entries() * entryHeapBytes(" ".repeat(10), entryOf("x"), answerKind);
  assert(remembered > 1000 * 100, `${remembered}`);
});

/**
 * What is on the heap once all is collected that can be. One collection does not do: what an earlier test still holds
 * until its promises have settled would be counted now, and be gone later.
 */
async function heapUsed(): Promise<number> {
  let used = Number.POSITIVE_INFINITY;
  for (let rounds = 0; rounds < 20; rounds++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    const now = process.memoryUsage().heapUsed;
    if (now > used - 10_000 && rounds >= 3) return now;
    used = now;
  }
  return used;
}

/** How far the heap grows by entries of this length, of which only some fit. */
async function heapGrowth(policy: EvictionPolicyName, length: number, maxBytes: number) {
  const { tier, told } = tierOf(maxBytes, policy);
  const before = await heapUsed();
  for (let i = 0; told.evicted < 3000; i++) {
    let content = "";
    // In pieces, as a stream brings it: as many nodes, until something makes one string of them.
    for (let piece = 0; content.length < length; piece++) content += ` word${i}.${piece}`;
    await tier.write(`answer:4:${String(i).padStart(64, "0")}`, entryOf(content), signal);
    // Some are used, so that S3-FIFO's queues all fill.
    if (i % 3 === 0) await tier.read(`answer:4:${String(i - 50).padStart(64, "0")}`, signal);
  }
  const grown = (await heapUsed()) - before;
  return { grown, estimated: tier.bytes(), entries: tier.entries() };
}

for (const policy of names) {
  test(`${policy}: a full tier takes as much of the heap as it says, and no more than it may`, async () => {
    for (const length of [50, 2000]) {
      const maxBytes = 8_000_000;
      const { grown, estimated, entries } = await heapGrowth(policy, length, maxBytes);
      const said = `${entries} entries of ${length}: heap ${grown}, estimated ${estimated}`;
      assert(estimated <= maxBytes && estimated > 0.9 * maxBytes, said);
      assert(grown < 1.3 * estimated, said);
      assert(grown > 0.6 * estimated, said);
    }
  });
}
