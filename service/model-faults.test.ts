import assert from "node:assert/strict";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { dependencies, freshQuestion } from "./testing/dependencies.ts";
import { eventually } from "./testing/redis-cluster.ts";
import { requestFor, type ServiceUnderTest, slowCaller } from "./testing/service-under-test.ts";

const given = dependencies();

/** A service with one entry that is stale already. */
async function withStale(env: Record<string, string> = {}) {
  const service = await given.start({
    BW_CACHE_FRESH_MS: "1",
    BW_STALE_WHILE_REVALIDATE: "off",
    ...env,
  });
  const question = freshQuestion();
  await given.askAndStore(service, question);
  await delay(5);
  return { service, question };
}

test("a stale answer is served, and says so; without one it is 502 with Retry-After", async () => {
  const { service, question } = await withStale();
  await using _stopped = service;
  given.model.mode = "error";
  const stale = await service.ask(question);
  assert.deepEqual([stale.status, stale.cache, stale.degraded], [200, "hit", "model"]);
  assert.equal(stale.provenance, "generation=1");
  // The miss is that of the answer when it was made.
  const results = (result: string) => service.metric(`cache_results_total{result="${result}"}`);
  assert.deepEqual([await results("miss"), await results("stale"), await results("hit")], [1, 1, 0]);
  const streamed = await service.ask(question, { stream: true });
  assert.deepEqual([streamed.status, streamed.cache, streamed.degraded], [200, "hit", "model"]);

  const none = await service.ask(freshQuestion());
  assert.deepEqual([none.status, none.cache, none.degraded], [502, "miss", "model"]);
  assert.equal(none.retryAfter, "1");
  assert.equal(JSON.parse(none.text).error.code, "model_failed");
});

test("BW_FALLBACK=off: 502, although there is a stale answer", async () => {
  const { service, question } = await withStale({ BW_FALLBACK: "off" });
  await using _stopped = service;
  given.model.mode = "error";
  assert.equal((await service.ask(question)).status, 502);
});

test("a response that is too long is given to nobody whole, plain or streamed, and nothing of it is stored", async () => {
  await using service = await given.start({ BW_MODEL_MAX_RESPONSE_BYTES: "20000" });
  const question = freshQuestion();
  given.model.mode = "flood";
  given.model.floodPieces = 1;
  const plain = await service.ask(question);
  assert.deepEqual([plain.status, JSON.parse(plain.text).error.code], [502, "model_response_too_large"]);
  assert.equal(plain.retryAfter, null);
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const streamed = await fetch(`${service.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...requestFor(question), stream: true }),
  });
  // Its head is here, so its first piece is out.
  held.resolve();
  const events = await streamed.text();
  assert.match(events, /"content":"Answer .*"code":"model_response_too_large"/s);
  assert.doesNotMatch(events, /\[DONE\]/);
  assert.equal(await service.metric('dependency_calls_total{dependency="model",outcome="error"}'), 2);
  given.model.mode = "ok";
  const next = await service.ask(question);
  assert.deepEqual([next.status, next.cache, next.provenance], [200, "miss", "generation=3"]);
});

test("an attempt that takes too long is given up, and the stale answer served", async () => {
  const { service, question } = await withStale({ BW_MODEL_TIMEOUT_MS: "500" });
  await using _stopped = service;
  given.model.mode = "silent";
  const stale = await service.ask(question);
  assert.deepEqual([stale.status, stale.cache, stale.degraded], [200, "hit", "model"]);
  assert.equal(await service.metric('dependency_calls_total{dependency="model",outcome="timeout"}'), 1);
  const none = await service.ask(freshQuestion());
  assert.deepEqual([none.status, JSON.parse(none.text).error.code], [504, "model_timeout"]);
  await eventually(() => given.model.abandoned === 2);
});

test("the deadline ends a request with 504", async () => {
  await using service = await given.start({ BW_DEADLINE_MS: "1500", BW_MODEL_TIMEOUT_MS: "1400" });
  given.model.mode = "silent";
  const body = JSON.stringify(requestFor(freshQuestion()));
  using caller = slowCaller(service);
  const reply = text(caller.socket);
  caller.socket.write(caller.head(body.length));
  // Its clock is the request's, not the body's: the attempt, begun later, is not over.
  await delay(700);
  caller.socket.write(body);
  assert.match(await reply, /^HTTP\/1.1 504 .*"code":"deadline_exceeded"/s);
  await eventually(() => given.model.abandoned === 1);
});

test("the deadline ends a request whose body does not come", async () => {
  await using service = await given.start({
    BW_DEADLINE_MS: "300",
    BW_MODEL_TIMEOUT_MS: "200",
    BW_REDIS_NODES: "",
  });
  using caller = slowCaller(service);
  caller.socket.write(`${caller.head(100)}{`);
  const [reply] = await once(caller.socket, "data", { signal: AbortSignal.timeout(20_000) });
  assert.match(String(reply), /^HTTP\/1.1 504 /);
  assert.equal(given.model.requests.length, 0);
});

test("BW_TIMEOUT=off: neither the attempt timeout nor the deadline ends it", async () => {
  await using service = await given.start({
    BW_TIMEOUT: "off",
    BW_DEADLINE_MS: "20",
    BW_MODEL_TIMEOUT_MS: "10",
  });
  given.model.delayMs = 200;
  assert.equal((await service.ask(freshQuestion())).status, 200);
});

test("its breaker opens, so that it is not called; and closes again once it is well", async () => {
  await using service = await given.start({ BW_MODEL_BREAKER_OPEN_MS: "1000" });
  given.model.mode = "error";
  for (let i = 0; i < 11; i++) await service.ask(freshQuestion());
  assert.equal(await service.metric('breaker_state{dependency="model"}'), 2);
  const callsBefore = given.model.requests.length;
  const began = performance.now();
  const rejected = await Promise.all(Array.from({ length: 10 }, () => service.ask(freshQuestion())));
  assert(rejected.every(({ status, retryAfter }) => status === 503 && retryAfter === "1"));
  const probes = 1 + (performance.now() - began) / 100;
  assert(given.model.requests.length <= callsBefore + probes, "only probes may have got through");
  given.model.mode = "ok";
  await eventually(async () => (await service.ask(freshQuestion())).status === 200);
  assert.equal(await service.metric('breaker_state{dependency="model"}'), 0);
});

test("BW_BREAKER=off: every request goes on calling it", async () => {
  await using service = await given.start({ BW_BREAKER: "off", BW_RETRY: "off" });
  given.model.mode = "error";
  for (let i = 0; i < 30; i++) await service.ask(freshQuestion());
  assert.equal(given.model.requests.length, 30);
});

test("a request that the model refuses is the caller's error, and no sign of illness", async () => {
  await using service = await given.start();
  given.model.mode = "error";
  for (const status of Array(10).fill([400, 413, 422]).flat()) {
    given.model.errorStatus = status;
    const reply = await service.ask(freshQuestion());
    assert.deepEqual([reply.status, JSON.parse(reply.text).error.code], [status, "context_length"]);
    assert(!reply.text.includes("sesame"), "the model's own words stay inside");
  }
  assert.equal(await service.metric('breaker_state{dependency="model"}'), 0);
});

for (const status of [401, 403, 404, 408, 425, 429]) {
  test(`status ${status} is the model's failure: it counts, and a stale answer is served`, async () => {
    const { service, question } = await withStale();
    await using _stopped = service;
    given.model.mode = "error";
    given.model.errorStatus = status;
    const stale = await service.ask(question);
    assert.deepEqual([stale.status, stale.cache, stale.degraded], [200, "hit", "model"]);
    const none = await service.ask(freshQuestion());
    const expected = status === 429 ? [503, "model_unavailable"] : [502, "model_failed"];
    assert.deepEqual([none.status, JSON.parse(none.text).error.code], expected);
    assert(!none.text.includes("sesame"));
    for (let i = 0; i < 10; i++) await service.ask(freshQuestion());
    assert.equal(await service.metric('breaker_state{dependency="model"}'), 2);
  });
}

test("more calls at once than the bulkhead has places: 503 with Retry-After; BW_BULKHEAD=off: all are made", async () => {
  given.model.delayMs = 300;
  const askFive = (service: ServiceUnderTest) =>
    Promise.all(Array.from({ length: 5 }, () => service.ask(freshQuestion())));
  {
    await using service = await given.start({ BW_MODEL_CONCURRENCY: "2", BW_MODEL_QUEUE: "0" });
    const replies = await askFive(service);
    assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 200, 503, 503, 503]);
    const rejected = replies.find(({ status }) => status === 503);
    assert.equal(rejected?.retryAfter, "1");
    assert.match(rejected?.text ?? "", /"code":"overloaded"/);
  }
  {
    await using service = await given.start({ BW_MODEL_CONCURRENCY: "2", BW_BULKHEAD: "off" });
    assert((await askFive(service)).every(({ status }) => status === 200));
  }
});

test("a refusal in place of text reaches the caller as one, plain and streamed, and is not stored", async () => {
  await using service = await given.start();
  const question = freshQuestion();
  given.model.mode = "no-text";
  given.model.refusal = "I cannot help with that.";
  for (let i = 0; i < 2; i++) {
    const { status, cache, text } = await service.ask(question);
    assert.deepEqual([status, cache], [200, "miss"]);
    const { content, refusal } = JSON.parse(text).choices[0].message;
    assert.deepEqual([content, refusal], [null, "I cannot help with that."]);
    const streamed = await service.ask(question, { stream: true });
    assert.equal(streamed.cache, "miss");
    assert.match(
      streamed.text,
      /"delta":\{"refusal":"I cannot help with that\."\}.*"finish_reason":"stop".*\[DONE\]/s,
    );
  }
  assert.equal(given.model.requests.length, 4);
});
