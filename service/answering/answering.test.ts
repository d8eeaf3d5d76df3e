import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { contentOf, dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { stubAnswer } from "../testing/model-stub.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor } from "../testing/service-under-test.ts";

const given = dependencies();

test("an answer is a miss once, then a hit with the provenance of the answer it is", async () => {
  await using service = await given.start();
  const question = freshQuestion();
  const first = await given.askAndStore(service, question);
  assert.deepEqual([first.cache, first.degraded, first.provenance], ["miss", null, "generation=1"]);
  const second = await service.ask(question);
  assert.deepEqual([second.cache, second.degraded, second.provenance], ["hit", null, "generation=1"]);
  assert.equal(contentOf(second.text), stubAnswer(1));
  assert.equal(given.model.requests.length, 1);
});

test("Redis drops an entry when it is too old to be served even as stale", async () => {
  await using service = await given.start({ BW_CACHE_FRESH_MS: "60000", BW_CACHE_STALE_MS: "40000" });
  const question = freshQuestion();
  await given.askAndStore(service, question);
  const leftMs = await given.cluster.nodeOf(keyOf(question)).redis.pttl(keyOf(question));
  assert(leftMs > 60_000 && leftMs <= 100_000, `${leftMs}`);
});

test("an entry that is not fresh any more is asked for again, and replaced", async () => {
  await using service = await given.start({ BW_CACHE_FRESH_MS: "1", BW_STALE_WHILE_REVALIDATE: "off" });
  const question = freshQuestion();
  await given.askAndStore(service, question);
  await delay(5);
  const second = await service.ask(question);
  assert.deepEqual([second.cache, second.provenance], ["miss", "generation=2"]);
});

test("a damaged entry is a counted miss, and replaced", async () => {
  await using service = await given.start();
  const question = freshQuestion();
  await given.cluster.nodeOf(keyOf(question)).redis.set(keyOf(question), "no entry");
  const reply = await service.ask(question);
  assert.deepEqual([reply.status, reply.cache, reply.degraded], [200, "miss", null]);
  assert.equal(await service.metric('cache_damaged_total{cache="answers",reason="version"}'), 1);
  await eventually(async () => (await service.ask(question)).cache === "hit");
});

test("without Redis in the configuration every answer is a bypass, and nothing is degraded", async () => {
  await using service = await given.start({ BW_REDIS_NODES: "" });
  const reply = await service.ask(freshQuestion());
  assert.deepEqual([reply.status, reply.cache, reply.degraded], [200, "bypass", null]);
});

test("tenants are told apart by key, to the cache and to the model", async () => {
  await using service = await given.start({ BW_API_KEYS: "a:key-a,b:key-b" });
  const question = freshQuestion();
  const ask = (key: string) =>
    service.post(JSON.stringify(requestFor(question)), { authorization: `Bearer ${key}` });
  assert.equal((await ask("key-a")).cache, "miss");
  await eventually(async () => (await ask("key-a")).cache === "hit");
  assert.equal((await ask("key-b")).cache, "miss");
  assert.equal((await ask("key-c")).status, 401);
  assert.deepEqual(given.model.tenants, ["a", "b"]);
});
