import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { readConfig } from "../config/config.ts";
import { dependencies } from "../testing/dependencies.ts";
import { invalidate } from "../testing/invalidating.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { longestLifeMs } from "./invalidation.ts";

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

test("it does not wait for what was invalidated for longer than BW_START_WAIT_MS", async () => {
  const { redis } = given.cluster.nodeOf(marksKey);
  await redis.client("PAUSE", 60_000, "WRITE");
  try {
    await using service = await given.start({
      ...{ BW_REDIS_TIMEOUT_MS: "9000", BW_MODEL_TIMEOUT_MS: "9500", BW_DEADLINE_MS: "20000" },
      BW_START_WAIT_MS: "200",
    });
    assert.equal((await service.get("/health/ready")).status, 200);
    assert.equal(await service.metric("invalidation_knowledge_age_seconds"), -1);
    // It still asks.
    assert.equal(
      await service.metric('dependency_calls_total{dependency="redis-marks",outcome="timeout"}'),
      0,
    );
  } finally {
    await redis.client("UNPAUSE");
  }
});

test("where the subscription was lost and is there again it asks what it has missed, at once", async () => {
  await using service = await given.start({ BW_INVALIDATION_POLL_MS: "60000" });
  const asked = () => service.metric('dependency_calls_total{dependency="redis-marks",outcome="ok"}');
  await eventually(async () => (await service.metric("invalidation_subscribed")) === 1);
  const before = await asked();
  for (const { redis } of given.cluster.nodes) await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(async () => (await asked()) > before);
});

test("a mark is kept for as long as anything lives that it could concern: an answer, or an embedding", () => {
  const times = { BW_DEADLINE_MAX_MS: "20000", BW_CACHE_STALE_MS: "3000" };
  for (const lives of [
    { BW_CACHE_FRESH_MS: "70000", BW_EMBEDDINGS_FRESH_MS: "60000" },
    { BW_CACHE_FRESH_MS: "60000", BW_EMBEDDINGS_FRESH_MS: "70000" },
  ]) {
    const config = readConfig({ BW_MODEL_URL: "http://127.0.0.1:1", ...times, ...lives });
    assert.equal(longestLifeMs(config), 93_000);
  }
});

test("a tenant's invalidations cost others' embeddings nothing, however much shorter answers live", async () => {
  await using service = await given.start({
    ...{ BW_CACHE_L1: "on", BW_API_KEYS: "a:key-1,b:key-2", BW_DEADLINE_MAX_MS: "2000" },
    ...{ BW_CACHE_FRESH_MS: "1", BW_CACHE_STALE_MS: "0" },
  });
  const embedded = async () => {
    const response = await fetch(`${service.url}/v1/embeddings`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer key-2" },
      body: JSON.stringify({ model: "embed-256", input: "tide" }),
    });
    await response.text();
    return response.headers.get("x-cache");
  };
  await embedded();
  await eventually(async () => (await embedded()) === "hit");
  const headers = { authorization: "Bearer key-1" };
  await invalidate(service, { tag: "one" }, headers);
  // So that its mark is older than any answer.
  await delay(2100);
  await invalidate(service, { tag: "two" }, headers);
  assert.equal(await embedded(), "hit");
});
