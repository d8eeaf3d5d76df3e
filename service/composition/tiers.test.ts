import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";

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
