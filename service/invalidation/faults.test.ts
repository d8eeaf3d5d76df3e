import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { freshQuestion, keyOf } from "../testing/dependencies.ts";
import { askUntilHit, askWith, invalidate, knows } from "../testing/invalidating.ts";
import { type ModelStub, startModelStub } from "../testing/model-stub.ts";
import { eventually, promoted, startRedisCluster, type TestCluster } from "../testing/redis-cluster.ts";
import { type ServiceUnderTest, startService } from "../testing/service-under-test.ts";

const marksKey = "{invalidations}:marks:1";
const tags = { "x-cache-tags": "faq" };

let model: ModelStub;
beforeEach(async (context) => {
  model = await startModelStub();
  if ("after" in context) context.after(() => model[Symbol.asyncDispose]());
});

const start = (cluster: TestCluster, env: Record<string, string> = {}) =>
  startService({ BW_REDIS_NODES: cluster.addresses, BW_MODEL_URL: model.url, ...env });

/** A question whose answer is on another shard than the marks are. */
function questionElsewhere(cluster: TestCluster): string {
  const marksAt = cluster.nodeOf(marksKey);
  for (;;) {
    const question = freshQuestion();
    if (cluster.nodeOf(keyOf(question)) !== marksAt) return question;
  }
}

/** Whether the stored answer is served. The model is off, so nothing takes its place. */
async function isServed(service: ServiceUnderTest, question: string): Promise<boolean> {
  assert.equal(model.mode, "error");
  return (await askWith(service, question, tags)).status === 200;
}

const learnt = (service: ServiceUnderTest, source: string) =>
  service.metric(`invalidations_total{kind="tag",source="${source}"}`);

test("a message that is lost is made up for by the next poll", async () => {
  await using cluster = await startRedisCluster();
  await using first = await start(cluster);
  await using second = await start(cluster);
  const question = questionElsewhere(cluster);
  await askUntilHit(first, question, tags);
  await eventually(async () => (await second.metric("invalidation_subscribed")) === 1);
  await knows(second, (await invalidate(first, { tag: "one" })).sequence);
  assert.deepEqual([await learnt(second, "message"), await learnt(second, "poll")], [1, 0]);

  for (const { redis } of cluster.nodes) {
    await redis.call("ACL", "SETUSER", "default", "-ssubscribe");
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  }
  await eventually(async () => (await second.metric("invalidation_subscribed")) === 0);
  model.mode = "error";
  assert(await isServed(second, question));
  await knows(second, (await invalidate(first, { tag: "faq" })).sequence);
  assert.deepEqual([await learnt(second, "message"), await learnt(second, "poll")], [1, 1]);
  assert(!(await isServed(second, question)));
});

test("the marks' master is killed: meanwhile 503, and after the promotion everything holds", async () => {
  await using cluster = await startRedisCluster({ replicas: true });
  await using first = await start(cluster);
  await using second = await start(cluster);
  const [before, after] = [questionElsewhere(cluster), questionElsewhere(cluster)];
  for (const question of [before, after]) await askUntilHit(first, question, tags);
  await knows(second, (await invalidate(first, { key: keyOf(before) })).sequence);

  const master = cluster.nodeOf(marksKey);
  const replica = cluster.replicas[cluster.nodes.indexOf(master)];
  assert(replica !== undefined);
  model.mode = "error";
  master.signal("SIGKILL");
  const refused = await invalidate(second, { tag: "faq" });
  assert.deepEqual(
    [refused.status, refused.code, refused.retryAfter],
    [503, "invalidation_unavailable", "1"],
  );
  // What it said: not in force, here neither.
  assert(await isServed(second, after));
  assert(!(await isServed(second, before)));

  await promoted(replica);
  let reply = refused;
  await eventually(async () => {
    reply = await invalidate(second, { tag: "faq" });
    return reply.status === 200;
  });
  await knows(first, reply.sequence);
  for (const service of [first, second])
    for (const question of [before, after]) assert(!(await isServed(service, question)));
});

test("the marks are lost from Redis: the replicas put them back, and one that starts later learns them", async () => {
  await using cluster = await startRedisCluster();
  await using first = await start(cluster);
  const [gone, kept] = [questionElsewhere(cluster), questionElsewhere(cluster)];
  for (const question of [gone, kept]) await askUntilHit(first, question, tags);
  await invalidate(first, { key: keyOf(gone) });
  const { redis } = cluster.nodeOf(marksKey);
  model.mode = "error";
  await redis.flushall();
  await eventually(async () => (await redis.exists(marksKey)) === 1);
  await using late = await start(cluster);
  for (const service of [first, late]) {
    assert(!(await isServed(service, gone)));
    assert(await isServed(service, kept));
  }
});

test("the marks are lost while no replica runs: then nothing that was stored is served", async () => {
  await using cluster = await startRedisCluster();
  const question = questionElsewhere(cluster);
  {
    await using service = await start(cluster);
    await askUntilHit(service, question, tags);
    await invalidate(service, { tag: "other" });
  }
  model.mode = "error";
  {
    await using service = await start(cluster);
    assert(await isServed(service, question));
  }
  await cluster.nodeOf(marksKey).redis.flushall();
  await using service = await start(cluster);
  assert(!(await isServed(service, question)));
});

test("a replica that starts without the marks serves from memory what it made itself, until it learns them", async () => {
  await using cluster = await startRedisCluster();
  await using other = await start(cluster);
  const master = cluster.nodeOf(marksKey);
  master.signal("SIGSTOP");
  const env = { BW_CACHE_L1: "on", BW_START_WAIT_MS: "500" };
  await using late = await start(cluster, env);
  await using careful = await start(cluster, { ...env, BW_INVALIDATION_MAX_BLIND_MS: "60000" });
  for (const [service, calls] of [
    [late, 1],
    [careful, 4],
  ] as const) {
    const question = questionElsewhere(cluster);
    model.requests.length = 0;
    for (let i = 0; i < 4; i++) assert.equal((await askWith(service, question, tags)).status, 200);
    assert.equal(model.requests.length, calls);
  }
  const gone = questionElsewhere(cluster);
  await askWith(late, gone, tags);
  assert.equal((await askWith(late, gone, tags)).tier, "memory");
  master.signal("SIGCONT");
  await knows(late, (await invalidate(other, { key: keyOf(gone) })).sequence);
  model.mode = "error";
  assert(!(await isServed(late, gone)));
});

test("a replica that never heard of the marks serves nothing stored; one that did goes on, but for a bound", async () => {
  await using cluster = await startRedisCluster();
  await using patient = await start(cluster);
  await using careful = await start(cluster, { BW_INVALIDATION_MAX_BLIND_MS: "3000" });
  const question = questionElsewhere(cluster);
  await askUntilHit(patient, question, tags);
  model.mode = "error";
  assert(await isServed(careful, question));
  const master = cluster.nodeOf(marksKey);
  master.signal("SIGSTOP");
  await using late = await start(cluster, { BW_START_WAIT_MS: "500" });
  assert(!(await isServed(late, question)));
  await eventually(async () => !(await isServed(careful, question)));
  assert(await isServed(patient, question));
  assert((await patient.metric("invalidation_knowledge_age_seconds")) > 1);
  assert.equal(await late.metric("invalidation_knowledge_age_seconds"), -1);
  master.signal("SIGCONT");
  for (const service of [late, careful]) await eventually(() => isServed(service, question));
});

test("BW_TIMEOUT=off and a silent node: a poll without an answer is not the last one", async () => {
  await using cluster = await startRedisCluster();
  await using service = await start(cluster, { BW_TIMEOUT: "off", BW_INVALIDATION_POLL_MS: "200" });
  const calls = (outcome: string) =>
    service.metric(`dependency_calls_total{dependency="redis-marks",outcome="${outcome}"}`);
  await eventually(async () => (await calls("ok")) > 1);
  const master = cluster.nodeOf(marksKey);
  master.signal("SIGSTOP");
  await eventually(async () => (await calls("timeout")) > 1);
  master.signal("SIGCONT");
  const before = await calls("ok");
  await eventually(async () => (await calls("ok")) > before);
});
