import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dependencies, freshQuestion, keyOf } from "./testing/dependencies.ts";
import { requestFor, type ServiceUnderTest } from "./testing/service-under-test.ts";

const given = dependencies();
const memory = { BW_CACHE_L1: "on" };
const reads = (service: ServiceUnderTest, tier: string, result: string) =>
  service.metric(`cache_tier_reads_total{cache="answers",tier="${tier}",result="${result}"}`);
const inRedis = (question: string) => given.cluster.nodeOf(keyOf(question)).redis.exists(keyOf(question));

describe("the tier in memory", () => {
  test("what was answered is there at once, and Redis is not asked again", async () => {
    await using service = await given.start(memory);
    const question = freshQuestion();
    assert.equal((await service.ask(question)).cache, "miss");
    assert.equal((await service.ask(question)).cache, "hit");
    assert.equal(await reads(service, "memory", "fresh"), 1);
    assert.equal(await reads(service, "redis", "miss"), 1);
    assert.equal(await reads(service, "redis", "fresh"), 0);
    assert.equal(await service.metric('cache_memory_entries{cache="answers"}'), 1);
    assert((await service.metric('cache_memory_bytes{cache="answers"}')) > 300);
  });

  test("what Redis had fills it", async () => {
    await using one = await given.start(memory);
    await using other = await given.start(memory);
    const question = freshQuestion();
    await given.askAndStore(one, question);
    for (const _ of [1, 2]) assert.equal((await other.ask(question)).cache, "hit");
    assert.deepEqual([await reads(other, "redis", "fresh"), await reads(other, "memory", "fresh")], [1, 1]);
    assert.equal(given.model.requests.length, 1);
  });

  test("it serves without Redis in the configuration; with neither, every answer is a bypass", async () => {
    await using alone = await given.start({ ...memory, BW_REDIS_NODES: "" });
    const question = freshQuestion();
    assert.equal((await alone.ask(question)).cache, "miss");
    assert.equal((await alone.ask(question)).cache, "hit");
    for (const none of [{ BW_CACHE_L1: "off" }, { BW_CACHE_L1: "on", BW_CACHE_L1_MAX_BYTES: "0" }]) {
      await using service = await given.start({ ...none, BW_REDIS_NODES: "" });
      for (const _ of [1, 2]) assert.equal((await service.ask(question)).cache, "bypass");
    }
  });

  for (const policy of ["lru", "sieve", "s3-fifo"]) {
    test(`it is bounded in bytes, by ${policy}`, async () => {
      await using service = await given.start({
        ...memory,
        ...{ BW_CACHE_L1_MAX_BYTES: "20000", BW_CACHE_L1_POLICY: policy, BW_REDIS_NODES: "" },
      });
      for (let i = 0; i < 40; i++) await service.ask(freshQuestion());
      assert((await service.metric('cache_memory_bytes{cache="answers"}')) <= 20_000);
      const kept = await service.metric('cache_memory_entries{cache="answers"}');
      assert(kept > 5);
      assert.equal(await service.metric('cache_evictions_total{cache="answers"}'), 40 - kept);
    });
  }
});

describe("what is stored", () => {
  test("an answer larger than BW_CACHE_MAX_ANSWER_BYTES is stored nowhere, and counted", async () => {
    await using service = await given.start({ ...memory, BW_CACHE_MAX_ANSWER_BYTES: "10" });
    const question = freshQuestion();
    for (const _ of [1, 2]) assert.equal((await service.ask(question)).cache, "miss");
    assert.equal(await service.metric('cache_not_stored_total{cache="answers",reason="too-large"}'), 2);
    assert.equal(await inRedis(question), 0);
  });

  test("an answer that a filter cut off is passed on and forgotten, plain or streamed", async () => {
    await using service = await given.start(memory);
    given.model.finishReason = "content_filter";
    const question = freshQuestion();
    for (const stream of [false, true, false]) {
      const reply = await service.ask(question, { stream });
      assert.deepEqual([reply.status, reply.cache], [200, "miss"]);
      assert(reply.text.includes('"finish_reason":"content_filter"'));
    }
    given.model.finishReason = "length";
    assert.equal((await service.ask(question)).cache, "miss");
    assert.equal((await service.ask(question)).cache, "hit");
  });

  test("BW_CACHE_COMPRESS_FROM_BYTES: entries from there on are compressed in Redis, and read again", async () => {
    await using service = await given.start({ BW_CACHE_COMPRESS_FROM_BYTES: "1" });
    const question = freshQuestion();
    await given.askAndStore(service, question);
    assert.equal((await service.ask(question)).cache, "hit");
    const bytes = (form: string) =>
      service.metric(`cache_encoded_bytes_total{cache="answers",form="${form}"}`);
    assert((await bytes("stored")) < (await bytes("plain")));
  });

  test("another BW_MODEL_EPOCH puts all answers from before out of reach", async () => {
    await using before = await given.start();
    const question = freshQuestion();
    await given.askAndStore(before, question);
    await using after = await given.start({ BW_MODEL_EPOCH: "2" });
    assert.equal((await after.ask(question)).cache, "miss");
  });

  test("answers drawn at random are neither read nor stored, unless BW_CACHE_SAMPLED=on", async () => {
    await using service = await given.start(memory);
    await using sampling = await given.start({ ...memory, BW_CACHE_SAMPLED: "on" });
    const question = freshQuestion();
    for (const _ of [1, 2]) assert.equal((await service.ask(question, { temperature: 1 })).cache, "bypass");
    assert.equal(await service.metric('cache_rules_total{cache="answers",reason="sampled"}'), 2);
    assert.equal((await sampling.ask(question, { temperature: 1 })).cache, "miss");
    assert.equal((await sampling.ask(question, { temperature: 1 })).cache, "hit");
  });
});

describe("writing", () => {
  test("through: Redis has the entry when the answer is there", async () => {
    await using service = await given.start({ BW_CACHE_WRITES: "write-through" });
    for (let i = 0; i < 30; i++) {
      const question = freshQuestion();
      // Also one who did not want what the cache had.
      const headers = i % 2 === 0 ? {} : { "cache-control": "no-cache" };
      await service.post(JSON.stringify(requestFor(question)), headers);
      assert.equal(await inRedis(question), 1);
    }
  });

  test("behind: what waits is found in this process, and written before the service has stopped", async () => {
    const questions = Array.from({ length: 100 }, freshQuestion);
    {
      await using service = await given.start({
        BW_CACHE_WRITE_CONCURRENCY: "1",
        BW_MODEL_CONCURRENCY: "200",
      });
      await Promise.all(questions.map((question) => service.ask(question)));
      const again = await Promise.all(questions.map((question) => service.ask(question)));
      assert(again.every(({ cache }) => cache === "hit"));
    }
    assert.equal(
      (await Promise.all(questions.map(inRedis))).reduce((sum, n) => sum + n),
      100,
    );
  });
});
