import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, type ServiceUnderTest } from "../testing/service-under-test.ts";

const given = dependencies();

const soonStale = { BW_CACHE_FRESH_MS: "1", BW_TTL_JITTER: "off", BW_EARLY_REFRESH: "off" };
const noRevalidation = { ...soonStale, BW_STALE_WHILE_REVALIDATE: "off" };
const refreshes = (service: ServiceUnderTest, reason: string, result: string) =>
  service.metric(`refreshes_total{reason="${reason}",result="${result}"}`);

/** A service, and questions whose answers are stored and no longer fresh. */
async function withStale(env: Readonly<Record<string, string>>, howMany = 1) {
  await using stack = new AsyncDisposableStack();
  const service = stack.use(await given.start(env));
  const questions = Array.from({ length: howMany }, freshQuestion);
  for (const question of questions) await given.askAndStore(service, question);
  await delay(5);
  const [question = ""] = questions;
  stack.move();
  return { service, question, questions };
}

test("an answer that is stale is served at once, by however many; one refresh is made behind them", async () => {
  const { service, question } = await withStale(soonStale);
  await using _stopped = service;
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const replies = await Promise.all(Array.from({ length: 50 }, () => service.ask(question)));
  for (const { status, cache, stale, provenance, degraded } of replies) {
    assert.deepEqual(
      [status, cache, stale, provenance, degraded],
      [200, "hit", "while-revalidate", "generation=1", null],
    );
  }
  await eventually(() => given.model.requests.length === 2);
  held.resolve();
  // Each of these asks may begin another refresh, so that it need not be the second that is seen.
  await eventually(async () => (await service.ask(question)).provenance !== "generation=1");
  assert((await refreshes(service, "revalidate", "ok")) >= 1);
  assert((await service.metric('cache_results_total{result="stale"}')) >= 50);
});

test("BW_STALE_WHILE_REVALIDATE=off, or older than its time: the caller waits for a new answer", async () => {
  for (const env of [noRevalidation, { ...soonStale, BW_CACHE_REVALIDATE_MS: "1" }]) {
    const { service, question } = await withStale(env);
    await using _stopped = service;
    const generation = `generation=${given.model.requests.length + 1}`;
    const reply = await service.ask(question);
    assert.deepEqual([reply.cache, reply.stale, reply.provenance], ["miss", null, generation]);
  }
});

test("no more refreshes than their limit are under way, and callers do not wait for them", async () => {
  const { service, questions } = await withStale(
    { ...soonStale, BW_REFRESH_CONCURRENCY: "2", BW_MODEL_CONCURRENCY: "3", BW_MODEL_QUEUE: "0" },
    6,
  );
  await using _stopped = service;
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const before = given.model.requests.length;
  for (const question of questions) assert.equal((await service.ask(question)).cache, "hit");
  await eventually(() => given.model.requests.length === before + 2);
  assert.equal(await refreshes(service, "revalidate", "limit"), 4);
  // The model's third place is a caller's.
  const caller = service.ask(freshQuestion());
  await eventually(() => given.model.requests.length === before + 3);
  held.resolve();
  assert.equal((await caller).status, 200);
});

test("a refresh that fails is counted, and the stale answer goes on being served", async () => {
  const { service, question } = await withStale({ ...soonStale, BW_RETRY: "off" });
  await using _stopped = service;
  given.model.mode = "error";
  for (let i = 1; i <= 3; i++) {
    assert.equal((await service.ask(question)).stale, "while-revalidate");
    await eventually(async () => (await refreshes(service, "revalidate", "failed")) === i);
  }
  given.model.mode = "ok";
  await eventually(async () => (await service.ask(question)).provenance !== "generation=1");
});

test("a fresh answer near its end is served, and made anew before: BW_EARLY_REFRESH=off: it is not", async () => {
  // The chance is exp(-left / (beta * delta)): with this beta it is nearly certain at once.
  const eager = { BW_CACHE_FRESH_MS: "60000", BW_EARLY_REFRESH_BETA: "999", BW_TTL_JITTER: "off" };
  for (const early of ["on", "off"]) {
    await using service = await given.start({ ...eager, BW_EARLY_REFRESH: early });
    given.model.delayMs = 400;
    const question = freshQuestion();
    const before = given.model.requests.length;
    await given.askAndStore(service, question);
    given.model.delayMs = 0;
    for (let i = 0; i < 20; i++) {
      const reply = await service.ask(question);
      assert.deepEqual([reply.cache, reply.stale], ["hit", null]);
    }
    if (early === "on") await eventually(() => given.model.requests.length > before + 1);
    else assert.equal(given.model.requests.length, before + 1);
    assert.equal((await refreshes(service, "early", "ok")) > 0 || early === "off", true);
  }
});

test("answers that were stored together do not end together; BW_TTL_JITTER=off: they do", async () => {
  const times = { BW_CACHE_FRESH_MS: "1000000", BW_CACHE_STALE_MS: "0", BW_TTL_JITTER_SHARE: "0.5" };
  for (const jitter of ["on", "off"]) {
    await using service = await given.start({ ...times, BW_TTL_JITTER: jitter });
    const questions = Array.from({ length: 10 }, freshQuestion);
    for (const question of questions) await given.askAndStore(service, question);
    const left = await Promise.all(
      questions.map((question) => given.cluster.nodeOf(keyOf(question)).redis.pttl(keyOf(question))),
    );
    assert(left.every((ms) => ms > 400_000 && ms <= 1_000_000));
    // Ten draws from 500 s lie within 60 s of each other once in 10 million times.
    const spread = Math.max(...left) - Math.min(...left);
    assert.equal(spread > 60_000, jitter === "on", `${spread}`);
  }
});

test("a hit tells where it was and how old it is", async () => {
  await using service = await given.start();
  const question = freshQuestion();
  await given.askAndStore(service, question);
  const hit = await service.ask(question);
  assert.equal(hit.cache, "hit");
  assert(hit.tier === "memory" || hit.tier === "redis");
  assert.match(hit.age ?? "", /^\d+$/);
  const miss = await service.ask(freshQuestion());
  assert.deepEqual([miss.cache, miss.tier, miss.age], ["miss", null, null]);
});

const asking = (service: ServiceUnderTest, question: string, headers: Readonly<Record<string, string>>) =>
  service.post(JSON.stringify(requestFor(question)), headers);

test("an answer older than the request's max-age is no hit, stale or fresh; no-store reads and stores nothing new", async () => {
  await using service = await given.start();
  const question = freshQuestion();
  await given.askAndStore(service, question);
  assert.equal((await asking(service, question, { "cache-control": "max-age=60" })).cache, "hit");
  await delay(1100);
  const young = await asking(service, question, { "cache-control": "max-age=1" });
  assert.deepEqual([young.cache, young.provenance], ["miss", "generation=2"]);
  const fresh = await asking(service, question, { "cache-control": "no-cache" });
  assert.deepEqual([fresh.cache, fresh.provenance], ["bypass", "generation=3"]);
  await eventually(async () => (await service.ask(question)).provenance === "generation=3");

  const other = freshQuestion();
  await asking(service, other, { "cache-control": "no-store" });
  assert.equal((await service.ask(other)).cache, "miss");
});

test("who takes only a young answer shares no look-up with who takes an older one", async () => {
  await using service = await given.start({
    ...{ BW_CACHE_L1: "off", BW_REDIS_TIMEOUT_MS: "10000" },
    ...{ BW_DEADLINE_MS: "20000", BW_DEADLINE_MAX_MS: "20000", BW_DRAIN_MS: "20000" },
  });
  const question = freshQuestion();
  await given.askAndStore(service, question);
  await delay(1100);
  const node = given.cluster.nodeOf(keyOf(question));
  const underWay = async (count: number) => (await service.metric("http_requests_in_flight")) > count;
  node.signal("SIGSTOP");
  const young = asking(service, question, { "cache-control": "max-age=1" });
  await eventually(() => underWay(0));
  const any = service.ask(question);
  await eventually(() => underWay(1));
  await delay(50);
  node.signal("SIGCONT");
  assert.deepEqual([(await any).cache, (await young).cache], ["hit", "miss"]);
});

test("a caller who wants a stored answer or none costs the model nothing", async () => {
  await using service = await given.start();
  const question = freshQuestion();
  const none = await asking(service, question, { "cache-control": "only-if-cached" });
  assert.deepEqual([none.status, JSON.parse(none.text).error.code], [504, "not_cached"]);
  assert.equal(given.model.requests.length, 0);
  await given.askAndStore(service, question);
  assert.equal((await asking(service, question, { "cache-control": "only-if-cached" })).cache, "hit");
});

test("an answer that is larger than the limit is served, and not stored", async () => {
  await using service = await given.start({ BW_CACHE_MAX_ANSWER_BYTES: "50" });
  const question = freshQuestion();
  for (let i = 0; i < 2; i++) assert.equal((await service.ask(question)).cache, "miss");
  assert.equal(await service.metric('cache_not_stored_total{cache="answers",reason="too-large"}'), 2);
});

test("every place of the model taken: a stale answer is served", async () => {
  const { service, question } = await withStale({
    ...noRevalidation,
    ...{ BW_MODEL_CONCURRENCY: "1", BW_MODEL_QUEUE: "0", BW_ADAPTIVE: "off" },
  });
  await using _stopped = service;
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const busy = service.ask(freshQuestion());
  await eventually(() => given.model.requests.length === 2);
  const reply = await service.ask(question);
  assert.deepEqual([reply.status, reply.stale, reply.degraded], [200, "if-error", "model"]);
  assert.equal((await service.ask(freshQuestion())).status, 503);
  held.resolve();
  assert.equal((await busy).status, 200);
});

test("the breaker open: a stale answer is served, and the model is not asked", async () => {
  const { service, question } = await withStale({
    ...noRevalidation,
    ...{ BW_RETRY: "off", BW_MODEL_BREAKER_OPEN_MS: "60000" },
  });
  await using _stopped = service;
  given.model.mode = "error";
  for (let i = 0; i < 20; i++) await service.ask(freshQuestion());
  const before = given.model.requests.length;
  const reply = await service.ask(question);
  assert.deepEqual([reply.status, reply.stale], [200, "if-error"]);
  assert.equal(given.model.requests.length, before);
});

test("the deadline near: a stale answer is served in time, and the model's work is cancelled", async () => {
  const { service, question } = await withStale({
    ...noRevalidation,
    ...{ BW_DEADLINE_MS: "3000", BW_MODEL_TIMEOUT_MS: "2900", BW_BEFORE_DEADLINE_MS: "2000" },
  });
  await using _stopped = service;
  given.model.mode = "silent";
  const reply = await service.ask(question);
  assert.deepEqual([reply.status, reply.stale, reply.degraded], [200, "if-error", "model"]);
  await eventually(() => given.model.abandoned === 1);
  // Before the attempt's own time was up.
  const calls = (outcome: string) =>
    service.metric(`dependency_calls_total{dependency="model",outcome="${outcome}"}`);
  assert.deepEqual([await calls("cancelled"), await calls("timeout")], [1, 0]);
  const none = await asking(service, freshQuestion(), { "x-request-deadline-ms": "200" });
  assert.equal(none.status, 504);
});

test("once a part of the new answer is out, an old one does not complete it", async () => {
  const { service, question } = await withStale({ ...noRevalidation, BW_RETRY: "off" });
  await using _stopped = service;
  given.model.mode = "break-stream";
  const { text, stale } = await service.ask(question, { stream: true });
  assert.match(text, /"content":"Answer /);
  assert.match(text, /"code":"model_failed"/);
  assert.doesNotMatch(text, /\[DONE\]|"finish_reason":"stop"/);
  assert.equal(stale, null);
});

test("an answer too old even for that is not served", async () => {
  const { service, question } = await withStale({ ...noRevalidation, BW_CACHE_STALE_MS: "2000" });
  await using _stopped = service;
  given.model.mode = "error";
  await delay(2010);
  assert.equal((await service.ask(question)).status, 502);
});
