import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencies } from "../testing/dependencies.ts";
import { invalidate } from "../testing/invalidating.ts";
import { eventually } from "../testing/redis-cluster.ts";

const given = dependencies();
const marksKey = "{invalidations}:marks:1";

test("a tenant's share of the marks: that of one tenant, however many keys it has, with one left for all", async () => {
  await using service = await given.start({
    ...{ BW_REDIS_NODES: "", BW_CACHE_L1: "on", BW_INVALIDATION_MAX_MARKS: "12" },
    BW_API_KEYS: "a:key-1,a:key-2,b:key-3",
  });
  const byTag = async (tag: number) => {
    const headers = { authorization: "Bearer key-1" };
    return (await invalidate(service, { tag: `t${tag}` }, headers)).scopes;
  };
  // A third of 12.
  for (let tag = 1; tag <= 4; tag++) assert.deepEqual(await byTag(tag), [`tag:a:t${tag}`]);
  assert.equal(await service.metric("invalidation_marks"), 4);
  assert.deepEqual(await byTag(5), ["tenant:a"]);
});

test("it is ready once it knows what was invalidated, be Redis slow; not only once it has asked", async () => {
  const { redis } = given.cluster.nodeOf(marksKey);
  // To ask for marks is a script, which may write.
  await redis.client("PAUSE", 2000, "WRITE");
  await using service = await given.start({
    ...{ BW_REDIS_TIMEOUT_MS: "9000", BW_MODEL_TIMEOUT_MS: "9500", BW_DEADLINE_MS: "20000" },
  });
  assert.notEqual(await service.metric("invalidation_knowledge_age_seconds"), -1);
});

test("where the subscription was lost and is there again it asks what it has missed, at once", async () => {
  await using service = await given.start({ BW_INVALIDATION_POLL_MS: "60000" });
  const asked = () => service.metric('dependency_calls_total{dependency="redis-marks",outcome="ok"}');
  await eventually(async () => (await service.metric("invalidation_subscribed")) === 1);
  const before = await asked();
  for (const { redis } of given.cluster.nodes) await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(async () => (await asked()) > before);
});
