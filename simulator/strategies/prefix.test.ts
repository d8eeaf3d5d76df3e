import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { RequestLog } from "../log/log.ts";
import { replay } from "./replay.ts";
import { smallLog } from "./small-log.fixture.ts";
import { strategySchema } from "./spec.ts";
import { summarise } from "./summary.ts";
import { mooncakeConversation } from "./traces.fixture.ts";

let conversation: RequestLog;
before(() => {
  conversation = mooncakeConversation();
});

function run(log: RequestLog, blocks: number, policy = "lru") {
  const capacityTokens = blocks * (log.blocks?.tokensPerBlock ?? 1);
  return summarise(log, replay(log, strategySchema.parse({ prefix: { policy, capacityTokens } })));
}

test("room for all: 105,710 of 288,500 blocks, 37.36 % of the prompt tokens", () => {
  const all = run(conversation, 182_790);
  assert.equal(all.blocks, 288_500);
  assert.equal(all.reusedBlocks, 105_710);
  assert.equal((all.reusedTokens / all.modelPromptTokens).toFixed(4), "0.3736");
});

test("LRU at 1k to 100k blocks: the counts of an independent implementation", () => {
  const counts = { 1000: 12_847, 10000: 61_046, 30000: 93_978, 50000: 102_290, 100000: 104_924 };
  for (const [blocks, reused] of Object.entries(counts)) {
    assert.equal(run(conversation, Number(blocks)).reusedBlocks, reused);
  }
});

test("a block behind a missing one is of no use", () => {
  const log = smallLog([
    { key: 0, prompt: 48, blocks: [0, 1, 2] },
    { key: 1, prompt: 48, blocks: [3, 1, 2] },
    { key: 2, prompt: 40, blocks: [0, 1, 4] },
  ]);
  const { reusedBlocks, reusedTokens } = replay(
    log,
    strategySchema.parse({ prefix: { policy: "lru", capacityTokens: 1600 } }),
  );
  assert.deepEqual([...(reusedBlocks ?? [])], [0, 0, 2]);
  assert.deepEqual([...(reusedTokens ?? [])], [0, 0, 32]);
});

test("requests that an answer cache serves do not reach the prefix cache", () => {
  const log = smallLog([
    { key: 0, prompt: 16, blocks: [0] },
    { key: 0, prompt: 16, blocks: [0] },
    { key: 1, prompt: 16, blocks: [0] },
  ]);
  const both = strategySchema.parse({
    answers: { match: "exact", tiers: [{ policy: "lru", capacity: 10 }] },
    prefix: { policy: "lru", capacityTokens: 160 },
  });
  const { blocks, reusedBlocks, l1Hits } = summarise(log, replay(log, both));
  assert.deepEqual({ blocks, reusedBlocks, l1Hits }, { blocks: 2, reusedBlocks: 1, l1Hits: 1 });
});

test("a log without blocks, and Belady, are refused", () => {
  const prefix = (policy: string) => strategySchema.parse({ prefix: { policy, capacityTokens: 1000 } });
  assert.throws(() => replay(smallLog([{ key: 0 }]), prefix("lru")), { code: "NOT_IN_LOG" });
  const log = smallLog([{ key: 0, prompt: 16, blocks: [0] }]);
  assert.throws(() => replay(log, prefix("belady")), { code: "NOT_COMBINABLE" });
});
