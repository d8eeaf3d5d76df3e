import assert from "node:assert/strict";
import { test } from "node:test";
import type { Replay } from "../strategies/replay.ts";
import { smallLog } from "../strategies/small-log.fixture.ts";
import { strategySchema } from "../strategies/spec.ts";
import { failoverCost } from "./failover.ts";

test("a cold start costs one more miss for each key that is asked for again", () => {
  const rows = [0, 1, 2].flatMap((round) =>
    Array.from({ length: 10 }, (_, key) => ({ key, at: round * 1000 + key, prompt: 90, output: 10 })),
  );
  const log = smallLog(rows);
  const spec = strategySchema.parse({
    answers: { match: "exact", tiers: [{ policy: "lru", capacity: 100 }] },
  });
  const loss = { atMs: 995, downMs: 0, what: "all" as const, node: 0, shards: 1 };
  const cost = failoverCost(log, spec, [loss], {}, ({ outcome }) => {
    return 0.5 * outcome.filter((what) => what === 0).length;
  });
  assert.equal(cost.extraMisses, 10);
  assert.equal(cost.extraTokens, 1000);
  assert.equal(cost.extraUsd, 5);
  assert.equal(cost.ninetyPercentWithinMs, 1008 - 995);
});

test("a lost prefix cache costs tokens, not requests", () => {
  const log = smallLog([0, 1, 2, 3].map((key) => ({ key, at: key, prompt: 32, blocks: [0, 1] })));
  const spec = strategySchema.parse({ prefix: { policy: "lru", capacityTokens: 1600 } });
  const loss = { atMs: 2, downMs: 0, what: "all" as const, node: 0, shards: 1 };
  const bill = ({ reusedTokens = new Uint32Array() }: Replay) =>
    128 - reusedTokens.reduce((sum, tokens) => sum + tokens, 0);
  const cost = failoverCost(log, spec, [loss], {}, bill);
  assert.deepEqual([cost.extraMisses, cost.extraTokens, cost.extraUsd], [0, 32, 32]);
  assert.equal(cost.ninetyPercentWithinMs, 0);
});
