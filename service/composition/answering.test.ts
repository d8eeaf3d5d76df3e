import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { requestFor } from "../testing/service-under-test.ts";

const given = dependencies();

test("a lease that Redis does not give in its own time is done without, though commands may take longer", async () => {
  await using service = await given.start({
    ...{ BW_LEASE_TIMEOUT_MS: "100", BW_REDIS_TIMEOUT_MS: "9000", BW_MODEL_TIMEOUT_MS: "9500" },
    ...{ BW_DEADLINE_MS: "20000" },
  });
  const question = freshQuestion();
  const { redis } = given.cluster.nodeOf(keyOf(question));
  // It reads, and does not write.
  await redis.client("PAUSE", 60_000, "WRITE");
  try {
    const headers = { "x-request-deadline-ms": "6000" };
    const { status, cache } = await service.post(JSON.stringify(requestFor(question)), headers);
    assert.deepEqual([status, cache], [200, "miss"]);
    assert.equal(await service.metric('lease_results_total{result="skipped"}'), 1);
  } finally {
    await redis.client("UNPAUSE");
  }
});
