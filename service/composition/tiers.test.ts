import assert from "node:assert/strict";
import { test } from "node:test";
import { answerKind } from "../cache/answer-value.ts";
import { readConfig } from "../config/config.ts";
import { createLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { tiersOf } from "./tiers.ts";

const given = dependencies();

for (const writes of ["write-through", "write-behind"]) {
  test(`${writes}: a write that Redis refuses costs the answer nothing, and is counted as lost, once`, async () => {
    await using service = await given.start({ BW_CACHE_WRITES: writes, BW_LEASE: "off" });
    const question = freshQuestion();
    const { redis } = given.cluster.nodeOf(keyOf(question));
    const lost = () => service.metric('cache_writes_lost_total{cache="answers",reason="failed"}');
    await redis.config("SET", "maxmemory", "1");
    try {
      assert.equal((await service.ask(question)).status, 200);
      await eventually(async () => (await lost()) > 0);
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
    assert.equal(await lost(), 1);
  });
}

test("answers wait for their writes where those go through, and only there", () => {
  for (const [writes, waits] of [
    ["write-through", true],
    ["write-behind", false],
  ] as const) {
    const config = readConfig({ BW_MODEL_URL: "http://127.0.0.1:1", BW_CACHE_WRITES: writes });
    const telemetry = { log: createLog("silent"), metrics: createMetrics(), onProblem: () => undefined };
    const deps = { config, telemetry, redis: undefined, invalidations: undefined };
    assert.equal(tiersOf("answers", answerKind, config.cache, deps).cache?.writesThrough, waits, writes);
  }
});
