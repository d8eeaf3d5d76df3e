import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { cacheKey } from "./cache/keys.ts";
import { askUntilHit, invalidate } from "./testing/invalidating.ts";
import { type ModelStub, startModelStub } from "./testing/model-stub.ts";
import {
  eventually,
  promoted,
  startRedisCluster,
  type TestCluster,
  type TestNode,
} from "./testing/redis-cluster.ts";
import { requestFor, type ServiceUnderTest, startService } from "./testing/service-under-test.ts";

const questions = Array.from({ length: 30 }, (_, i) => `Question ${i}`);
const keyOf = (question: string) => cacheKey("public", requestFor(question), "1");

/** Nothing else has the answers: no memory, and no writes that wait and are read meanwhile. */
const redisAlone = { BW_CACHE_L1: "off", BW_CACHE_WRITES: "write-through" };

let cluster: TestCluster;
let model: ModelStub;
let victim: TestNode;
/** Questions by whether their shard is the one that is harmed. */
let harmed: string[];
let healthy: string[];
beforeEach(async (context) => {
  cluster = await startRedisCluster();
  model = await startModelStub();
  victim = cluster.nodeOf(keyOf("Question 0"));
  harmed = questions.filter((question) => cluster.nodeOf(keyOf(question)) === victim);
  healthy = questions.filter((question) => !harmed.includes(question));
  if ("after" in context) {
    context.after(() => model[Symbol.asyncDispose]());
    context.after(() => cluster[Symbol.asyncDispose]());
  }
});

/** A service whose cache has the answer to every question. */
async function startWarm(env: Record<string, string> = {}): Promise<ServiceUnderTest> {
  await using cleanUp = new AsyncDisposableStack();
  const service = cleanUp.use(
    await startService({ ...redisAlone, BW_REDIS_NODES: cluster.addresses, BW_MODEL_URL: model.url, ...env }),
  );
  await eventually(async () => (await askAll(service, questions)).every(({ cache }) => cache === "hit"));
  cleanUp.move();
  return service;
}

const askAll = (service: ServiceUnderTest, asked: string[]) =>
  Promise.all(asked.map((question) => service.ask(question)));
const breakerOf = (service: ServiceUnderTest, node: TestNode) =>
  service.metric(`breaker_state{dependency="redis/${node.address}"}`);
const reads = (service: ServiceUnderTest, outcome: string) =>
  service.metric(`dependency_calls_total{dependency="redis-read",outcome="${outcome}"}`);

test("a shard is killed: the model answers for it, its breaker alone opens, and the other shards go on hitting", async () => {
  await using service = await startWarm();
  victim.signal("SIGKILL");
  for (let round = 0; round < 4; round++) {
    const replies = await askAll(service, harmed);
    assert(
      replies.every(
        ({ status, cache, degraded }) => status === 200 && cache === "bypass" && degraded === "redis",
      ),
    );
    const others = await askAll(service, healthy);
    assert(
      others.every(({ status, cache, degraded }) => status === 200 && cache === "hit" && degraded === null),
    );
  }
  assert.equal(await breakerOf(service, victim), 2);
  for (const node of cluster.nodes) if (node !== victim) assert.equal(await breakerOf(service, node), 0);
});

test("BW_FALLBACK=off: a dead shard's questions are errors, those of the others still hits", async () => {
  await using service = await startWarm({ BW_FALLBACK: "off" });
  victim.signal("SIGKILL");
  for (const reply of await askAll(service, harmed)) {
    // Those that came first have found it dead; the others are not sent there any more.
    const { code } = JSON.parse(reply.text).error;
    assert(["502 redis_failed", "503 redis_unavailable"].includes(`${reply.status} ${code}`));
    assert.equal(reply.retryAfter, "1");
  }
  for (const reply of await askAll(service, healthy))
    assert.deepEqual([reply.status, reply.cache], [200, "hit"]);
});

test("a shard falls silent: its reads time out until the breaker opens; when it is back, so are the hits", async () => {
  await using service = await startWarm();
  victim.signal("SIGSTOP");
  const rounds = 6;
  for (let round = 0; round < rounds; round++) {
    const replies = await askAll(service, harmed);
    assert(replies.every(({ status, degraded }) => status === 200 && degraded === "redis"));
  }
  assert((await reads(service, "breaker-open")) > 0);
  assert((await reads(service, "timeout")) < rounds * harmed.length);
  for (const reply of await askAll(service, healthy)) assert.equal(reply.cache, "hit");

  victim.signal("SIGCONT");
  await eventually(async () => (await service.ask("Question 0")).cache === "hit");
  await eventually(async () => (await breakerOf(service, victim)) === 0);
  for (const reply of await askAll(service, harmed)) assert.equal(reply.cache, "hit");
});

test("BW_BREAKER=off: a silent shard costs every request its timeout", async () => {
  await using service = await startWarm({ BW_BREAKER: "off", BW_REDIS_TIMEOUT_MS: "50" });
  victim.signal("SIGSTOP");
  const rounds = 4;
  for (let round = 0; round < rounds; round++) await askAll(service, harmed);
  assert.equal(await reads(service, "breaker-open"), 0);
  const failed = (await reads(service, "timeout")) + (await reads(service, "error"));
  assert(failed >= rounds * harmed.length, `${failed}`);
});

test("BW_TIMEOUT=off: a request to a silent shard hangs until the shard is back", async () => {
  await using service = await startWarm({
    BW_TIMEOUT: "off",
    BW_BREAKER: "off",
    BW_REDIS_TIMEOUT_MS: "20",
    BW_DEADLINE_MS: "20",
  });
  victim.signal("SIGSTOP");
  const waiting = service.ask("Question 0");
  assert.equal(await Promise.race([waiting, delay(1500, "hung")]), "hung");
  victim.signal("SIGCONT");
  assert.deepEqual([(await waiting).status, (await waiting).cache], [200, "hit"]);
});

test("a write that Redis does not take in does not delay the answer", async () => {
  await using service = await startWarm({ BW_REDIS_TIMEOUT_MS: "2000", BW_DEADLINE_MS: "5000" });
  const question = Array.from({ length: 100 }, (_, i) => `New ${i}`).find(
    (candidate) => cluster.nodeOf(keyOf(candidate)) === victim,
  );
  assert(question !== undefined);
  const writes = (outcome: string) =>
    service.metric(`dependency_calls_total{dependency="redis-write",outcome="${outcome}"}`);
  model.delayMs = 100;
  const asked = model.requests.length;
  const stored = await writes("ok");
  const waiting = service.ask(question);
  await eventually(() => model.requests.length === asked + 1);
  victim.signal("SIGSTOP");
  const reply = await waiting;
  assert.deepEqual([reply.status, reply.cache, reply.degraded], [200, "miss", null]);
  assert.equal(await writes("ok"), stored);
  await eventually(async () => (await writes("timeout")) === 1);
});

test("a silent shard holds as many reads as its bulkhead has places; BW_BULKHEAD=off: all", async () => {
  await using _warm = await startWarm();
  const env = {
    ...redisAlone,
    BW_REDIS_NODES: cluster.addresses,
    BW_MODEL_URL: model.url,
    BW_BREAKER: "off",
  };
  const patient = {
    ...env,
    BW_REDIS_CONCURRENCY: "1",
    BW_REDIS_QUEUE: "0",
    BW_REDIS_TIMEOUT_MS: "1500",
    BW_DEADLINE_MS: "5000",
  };
  await using bounded = await startService(patient);
  await using unbounded = await startService({ ...patient, BW_BULKHEAD: "off" });
  victim.signal("SIGSTOP");
  for (const service of [bounded, unbounded]) {
    const replies = await askAll(service, harmed);
    assert(
      replies.every(
        ({ status, cache, degraded }) => status === 200 && cache === "bypass" && degraded === "redis",
      ),
    );
  }
  assert(harmed.length > 1);
  assert.equal(await reads(bounded, "bulkhead-full"), harmed.length - 1);
  assert.equal(await reads(unbounded, "bulkhead-full"), 0);
  // The places are the shard's alone: one after the other, the healthy ones hit.
  for (const question of healthy) assert.equal((await bounded.ask(question)).cache, "hit");
});

test("every shard is gone: still every answer comes, from the model", async () => {
  await using service = await startWarm();
  for (const node of cluster.nodes) node.signal("SIGSTOP");
  for (let round = 0; round < 4; round++) {
    const replies = await askAll(service, questions);
    assert(
      replies.every(
        ({ status, cache, degraded }) => status === 200 && cache === "bypass" && degraded === "redis",
      ),
    );
  }
  for (const node of cluster.nodes) node.signal("SIGCONT");
  await eventually(async () => (await askAll(service, questions)).every(({ cache }) => cache === "hit"));
});

test("without Redis from the start it is ready all the same, and finds Redis when it comes", async () => {
  for (const node of cluster.nodes) node.signal("SIGSTOP");
  await using service = await startService({
    ...{ ...redisAlone, BW_REDIS_NODES: cluster.addresses, BW_MODEL_URL: model.url, BW_START_WAIT_MS: "300" },
  });
  assert.equal((await service.get("/health/ready")).status, 200);
  const reply = await service.ask("Question 0");
  assert.deepEqual([reply.status, reply.cache, reply.degraded], [200, "bypass", "redis"]);
  for (const node of cluster.nodes) node.signal("SIGCONT");
  await eventually(async () => (await service.ask("Question 0")).cache === "hit");
});

test("a silent shard does not hold up the stop, with a request under way and no timeout to end it", async () => {
  await using service = await startWarm({ BW_TIMEOUT: "off", BW_BREAKER: "off", BW_DRAIN_MS: "500" });
  victim.signal("SIGSTOP");
  const asked = service.ask("Question 0").catch(() => "cut off");
  await delay(100);
  const stopped = service[Symbol.asyncDispose]().then(() => "stopped");
  assert.equal(await Promise.race([stopped, delay(5000, "hung")]), "stopped");
  assert.equal(await asked, "cut off");
});

test("a write that a node carries out late brings back neither what was invalidated nor what is too old", async () => {
  const [question = ""] = harmed;
  const key = keyOf(question);
  const freshMs = 3000;
  await using service = await startService({
    ...{ ...redisAlone, BW_REDIS_NODES: cluster.addresses, BW_MODEL_URL: model.url },
    ...{ BW_CACHE_FRESH_MS: `${freshMs}`, BW_EARLY_REFRESH: "off", BW_STALE_WHILE_REVALIDATE: "off" },
  });
  const askNewly = () => askUntilHit(service, question);
  await askNewly();
  const older = await victim.redis.getBuffer(key);
  assert(older !== null);
  assert.equal((await invalidate(service, { key })).status, 200);
  const { provenance } = await askNewly();
  await victim.redis.set(key, older, "PX", 600_000);
  const after = await service.ask(question);
  assert.deepEqual([after.status, after.cache], [200, "miss"]);
  assert.notEqual(after.provenance, provenance);

  const aged = await askNewly();
  const old = await victim.redis.getBuffer(key);
  assert(old !== null);
  await delay(freshMs);
  await victim.redis.set(key, old, "PX", 600_000);
  const fresh = await service.ask(question);
  assert.equal(fresh.cache, "miss");
  assert.notEqual(fresh.provenance, aged.provenance);
});

test("what failed is counted by its kind", async () => {
  await using service = await startWarm({ BW_BREAKER: "off" });
  const errors = (name: string) => service.metric(`redis_errors_total{class="${name}"}`);
  victim.signal("SIGSTOP");
  await askAll(service, harmed);
  assert((await errors("timeout")) >= harmed.length);
  victim.signal("SIGKILL");
  await eventually(async () => {
    await askAll(service, harmed);
    return (await errors("closed")) > 0;
  });
});

test("a promoted replica has a breaker of its own, closed; that of the old master is forgotten", async () => {
  await using replicated = await startRedisCluster({ replicas: true });
  const old = replicated.nodeOf(keyOf("Question 0"));
  const replica = replicated.replicas[replicated.nodes.indexOf(old)];
  assert(replica !== undefined);
  await using service = await startService({
    ...{ ...redisAlone, BW_REDIS_NODES: replicated.addresses, BW_MODEL_URL: model.url },
    // It would never be half-open while the test lasts.
    BW_REDIS_BREAKER_OPEN_MS: "600000",
  });
  await eventually(async () => (await service.ask("Question 0")).cache === "hit");
  old.signal("SIGSTOP");
  await eventually(async () => {
    await service.ask("Question 0");
    return (await breakerOf(service, old)) === 2;
  });
  await promoted(replica);
  await eventually(async () => (await service.ask("Question 0")).cache === "hit");
  assert.equal(await breakerOf(service, replica), 0);
  const { text } = await service.get("/metrics");
  assert(text.includes(`redis/${replica.address}`));
  assert(!text.includes(`breaker_state{dependency="redis/${old.address}"}`));
});
