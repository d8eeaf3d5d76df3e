import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import OpenAI from "openai";
import { cacheKey } from "./cache/keys.ts";
import { type ModelStub, startModelStub, stubAnswer } from "./testing/model-stub.ts";
import { eventually, startRedisCluster, type TestCluster } from "./testing/redis-cluster.ts";
import { requestFor, type ServiceUnderTest, startService } from "./testing/service-under-test.ts";

let cluster: TestCluster;
let model: ModelStub;
before(async () => {
  cluster = await startRedisCluster();
});
after(() => cluster[Symbol.asyncDispose]());
beforeEach(async (context) => {
  model = await startModelStub();
  if ("after" in context) context.after(() => model[Symbol.asyncDispose]());
});

let questions = 0;
/** A question nobody asked before. */
const fresh = () => `Question ${process.pid}.${++questions}`;
const keyOf = (question: string, tenant = "public") => cacheKey(tenant, requestFor(question));
const start = (env: Record<string, string> = {}) =>
  startService({ BW_REDIS_NODES: cluster.addresses, BW_MODEL_URL: model.url, ...env });
const contentOf = (text: string): unknown => JSON.parse(text).choices[0].message.content;

/** A caller that sends and reads when the test says so. */
function slowCaller({ url }: ServiceUnderTest) {
  const { host, hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const lines = ["POST /v1/chat/completions HTTP/1.1", `host: ${host}`, "connection: close"];
  return {
    socket,
    head: (bodyBytes: number) =>
      [...lines, "content-type: application/json", `content-length: ${bodyBytes}`, "", ""].join("\r\n"),
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** Asks, and waits until the answer is stored: the service does not wait for that itself. */
async function askAndStore(service: ServiceUnderTest, question: string, fields = {}) {
  const reply = await service.ask(question, fields);
  assert.equal(reply.status, 200);
  await eventually(async () => (await cluster.nodeOf(keyOf(question)).redis.exists(keyOf(question))) === 1);
  return reply;
}

describe("the cache", () => {
  test("an answer is a miss once, then a hit with the provenance of the answer it is", async () => {
    await using service = await start();
    const question = fresh();
    const first = await askAndStore(service, question);
    assert.deepEqual([first.cache, first.degraded, first.provenance], ["miss", null, "generation=1"]);
    const second = await service.ask(question);
    assert.deepEqual([second.cache, second.degraded, second.provenance], ["hit", null, "generation=1"]);
    assert.equal(contentOf(second.text), stubAnswer(1));
    assert.equal(model.requests.length, 1);
  });

  test("Redis drops an entry when it is too old to be served even as stale", async () => {
    await using service = await start({ BW_CACHE_FRESH_MS: "60000", BW_CACHE_STALE_MS: "40000" });
    const question = fresh();
    await askAndStore(service, question);
    const leftMs = await cluster.nodeOf(keyOf(question)).redis.pttl(keyOf(question));
    assert(leftMs > 60_000 && leftMs <= 100_000, `${leftMs}`);
  });

  test("an entry that is not fresh any more is asked for again, and replaced", async () => {
    await using service = await start({ BW_CACHE_FRESH_MS: "1" });
    const question = fresh();
    await askAndStore(service, question);
    await delay(5);
    const second = await service.ask(question);
    assert.deepEqual([second.cache, second.provenance], ["miss", "generation=2"]);
  });

  test("a damaged entry is a counted miss, and replaced", async () => {
    await using service = await start();
    const question = fresh();
    await cluster.nodeOf(keyOf(question)).redis.set(keyOf(question), "no entry");
    const reply = await service.ask(question);
    assert.deepEqual([reply.status, reply.cache, reply.degraded], [200, "miss", null]);
    assert.equal(await service.metric('cache_results_total{result="damaged"}'), 1);
    await eventually(async () => (await service.ask(question)).cache === "hit");
  });

  test("without Redis in the configuration every answer is a bypass, and nothing is degraded", async () => {
    await using service = await start({ BW_REDIS_NODES: "" });
    const reply = await service.ask(fresh());
    assert.deepEqual([reply.status, reply.cache, reply.degraded], [200, "bypass", null]);
  });

  test("tenants are told apart by key, to the cache and to the model", async () => {
    await using service = await start({ BW_API_KEYS: "a:key-a,b:key-b" });
    const question = fresh();
    const ask = (key: string) =>
      service.post(JSON.stringify(requestFor(question)), { authorization: `Bearer ${key}` });
    assert.equal((await ask("key-a")).cache, "miss");
    await eventually(async () => (await ask("key-a")).cache === "hit");
    assert.equal((await ask("key-b")).cache, "miss");
    assert.equal((await ask("key-c")).status, 401);
    assert.deepEqual(model.tenants, ["a", "b"]);
  });
});

describe("streams", () => {
  const streamed = { stream: true };
  const textOf = (sse: string) =>
    [...sse.matchAll(/^data: (\{.*\})$/gm)]
      .map(([, data = ""]) => JSON.parse(data).choices[0]?.delta.content ?? "")
      .join("");

  test("a streamed answer is stored when complete, and serves plain and streamed requests", async () => {
    await using service = await start();
    const question = fresh();
    const first = await askAndStore(service, question, streamed);
    assert.deepEqual(
      [first.cache, first.provenance, textOf(first.text)],
      ["miss", "generation=1", stubAnswer(1)],
    );
    assert(first.text.endsWith("data: [DONE]\n\n"));

    const replay = await service.ask(question, streamed);
    assert.deepEqual(
      [replay.cache, replay.provenance, textOf(replay.text)],
      ["hit", "generation=1", stubAnswer(1)],
    );
    const plain = await service.ask(question);
    assert.deepEqual([plain.cache, contentOf(plain.text)], ["hit", stubAnswer(1)]);
    assert.equal(JSON.parse(plain.text).usage.prompt_tokens, 3);
    assert.equal(model.requests.length, 1);
  });

  test("a stream that breaks ends with an error event, and is not stored", async () => {
    await using service = await start();
    model.mode = "break-stream";
    const question = fresh();
    const broken = await service.ask(question, streamed);
    assert.match(broken.text, /"code":"model_unavailable"/);
    assert(!broken.text.includes("[DONE]"));
    model.mode = "ok";
    assert.equal((await service.ask(question)).cache, "miss");
  });

  test("a caller who does not read holds up neither the model's attempt nor its place", async () => {
    await using service = await start({
      ...{
        BW_REDIS_NODES: "",
        BW_MODEL_CONCURRENCY: "1",
        BW_MODEL_TIMEOUT_MS: "6000",
        BW_DEADLINE_MS: "20000",
      },
    });
    model.mode = "flood";
    const body = JSON.stringify({ ...requestFor(fresh()), ...streamed });
    using caller = slowCaller(service);
    caller.socket.write(`${caller.head(body.length)}${body}`);
    const calls = (outcome: string) =>
      service.metric(`dependency_calls_total{dependency="model",outcome="${outcome}"}`);
    await eventually(async () => (await calls("ok")) + (await calls("timeout")) === 1);
    assert.equal(await calls("ok"), 1);
    model.mode = "ok";
    assert.equal((await service.ask(fresh())).status, 200);
  });

  test("a model that fails before the first piece is a plain 503", async () => {
    await using service = await start();
    model.mode = "error";
    const reply = await service.ask(fresh(), streamed);
    assert.deepEqual([reply.status, JSON.parse(reply.text).error.code], [503, "model_unavailable"]);
  });
});

describe("the official client", () => {
  test("plain, streamed with usage, models, and errors", async () => {
    await using service = await start();
    const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: "any", maxRetries: 0 });
    const question = fresh();
    const messages = [{ role: "user" as const, content: question }];

    const plain = await client.chat.completions.create({ model: "llama-3-8b", messages });
    assert.equal(plain.choices[0]?.message.content, stubAnswer(1));
    assert.equal(plain.usage?.total_tokens, 4);

    // The second time it comes from the cache.
    for (const asked of [fresh(), question]) {
      const stream = await client.chat.completions.create({
        model: "llama-3-8b",
        messages: [{ role: "user", content: asked }],
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      let totalTokens: number | undefined;
      let finishReason: string | null | undefined;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
        totalTokens = chunk.usage?.total_tokens ?? totalTokens;
      }
      assert.match(text, /^Answer number \d+, in a few words: one .* nine\.$/);
      assert.equal(finishReason, "stop");
      assert(totalTokens !== undefined);
    }

    const served = await client.models.list();
    assert.deepEqual(
      served.data.map(({ id }) => id),
      ["llama-3-8b"],
    );
    await assert.rejects(client.chat.completions.create({ model: "gpt-9", messages }), OpenAI.NotFoundError);
    model.mode = "silent";
    const caller = new AbortController();
    const leaving = client.chat.completions.create(
      { model: "llama-3-8b", messages: [{ role: "user", content: fresh() }] },
      { signal: caller.signal },
    );
    await eventually(() => model.requests.length === 3);
    caller.abort();
    await assert.rejects(leaving, OpenAI.APIUserAbortError);
    // The model's work is cancelled, and nobody's failure.
    await eventually(() => model.abandoned === 1);
    await eventually(
      async () =>
        (await service.metric('dependency_calls_total{dependency="model",outcome="cancelled"}')) === 1,
    );
  });
});

describe("the model is gone", () => {
  /** A service with one entry that is stale already. */
  async function withStale(env: Record<string, string> = {}) {
    const service = await start({ BW_CACHE_FRESH_MS: "1", ...env });
    const question = fresh();
    await askAndStore(service, question);
    await delay(5);
    return { service, question };
  }

  test("a stale answer is served, and says so; without one it is 503 with Retry-After", async () => {
    const { service, question } = await withStale();
    await using _stopped = service;
    model.mode = "error";
    const stale = await service.ask(question);
    assert.deepEqual([stale.status, stale.cache, stale.degraded], [200, "hit", "model"]);
    assert.equal(stale.provenance, "generation=1");
    // The miss is that of the answer when it was made.
    const results = (result: string) => service.metric(`cache_results_total{result="${result}"}`);
    assert.deepEqual([await results("miss"), await results("stale"), await results("hit")], [1, 1, 0]);
    const streamed = await service.ask(question, { stream: true });
    assert.deepEqual([streamed.status, streamed.cache, streamed.degraded], [200, "hit", "model"]);

    const none = await service.ask(fresh());
    assert.deepEqual([none.status, none.cache, none.degraded], [503, "miss", "model"]);
    assert.equal(none.retryAfter, "1");
    assert.equal(JSON.parse(none.text).error.code, "model_unavailable");
  });

  test("BW_FALLBACK=off: 503, although there is a stale answer", async () => {
    const { service, question } = await withStale({ BW_FALLBACK: "off" });
    await using _stopped = service;
    model.mode = "error";
    assert.equal((await service.ask(question)).status, 503);
  });

  test("an attempt that takes too long is given up, and the stale answer served", async () => {
    const { service, question } = await withStale({ BW_MODEL_TIMEOUT_MS: "50" });
    await using _stopped = service;
    model.mode = "silent";
    const stale = await service.ask(question);
    assert.deepEqual([stale.status, stale.cache, stale.degraded], [200, "hit", "model"]);
    assert.equal(await service.metric('dependency_calls_total{dependency="model",outcome="timeout"}'), 1);
    await eventually(() => model.abandoned === 1);
  });

  test("the deadline ends a request with 504", async () => {
    await using service = await start({ BW_DEADLINE_MS: "1500", BW_MODEL_TIMEOUT_MS: "1400" });
    model.mode = "silent";
    const body = JSON.stringify(requestFor(fresh()));
    using caller = slowCaller(service);
    const reply = text(caller.socket);
    caller.socket.write(caller.head(body.length));
    // Its clock is the request's, not the body's: the attempt, begun later, is not over.
    await delay(700);
    caller.socket.write(body);
    assert.match(await reply, /^HTTP\/1.1 504 .*"code":"deadline_exceeded"/s);
    await eventually(() => model.abandoned === 1);
  });

  test("the deadline ends a request whose body does not come", async () => {
    await using service = await start({
      BW_DEADLINE_MS: "300",
      BW_MODEL_TIMEOUT_MS: "200",
      BW_REDIS_NODES: "",
    });
    using caller = slowCaller(service);
    caller.socket.write(`${caller.head(100)}{`);
    const [reply] = await once(caller.socket, "data", { signal: AbortSignal.timeout(20_000) });
    assert.match(String(reply), /^HTTP\/1.1 504 /);
    assert.equal(model.requests.length, 0);
  });

  test("BW_TIMEOUT=off: neither the attempt timeout nor the deadline ends it", async () => {
    await using service = await start({ BW_TIMEOUT: "off", BW_DEADLINE_MS: "20", BW_MODEL_TIMEOUT_MS: "10" });
    model.delayMs = 200;
    assert.equal((await service.ask(fresh())).status, 200);
  });

  test("its breaker opens, so that it is not called; and closes again once it is well", async () => {
    await using service = await start({ BW_MODEL_BREAKER_OPEN_MS: "100" });
    model.mode = "error";
    for (let i = 0; i < 11; i++) await service.ask(fresh());
    assert.equal(await service.metric('breaker_state{dependency="model"}'), 2);
    const callsBefore = model.requests.length;
    const rejected = await Promise.all(Array.from({ length: 10 }, () => service.ask(fresh())));
    assert(rejected.every(({ status, retryAfter }) => status === 503 && retryAfter === "1"));
    assert(model.requests.length <= callsBefore + 1, "only a probe may have got through");
    model.mode = "ok";
    await eventually(async () => (await service.ask(fresh())).status === 200);
    assert.equal(await service.metric('breaker_state{dependency="model"}'), 0);
  });

  test("BW_BREAKER=off: every request goes on calling it", async () => {
    await using service = await start({ BW_BREAKER: "off" });
    model.mode = "error";
    for (let i = 0; i < 30; i++) await service.ask(fresh());
    assert.equal(model.requests.length, 30);
  });

  test("a request that the model refuses is the caller's error, and no sign of illness", async () => {
    await using service = await start();
    model.mode = "error";
    for (const status of Array(10).fill([400, 413, 422]).flat()) {
      model.errorStatus = status;
      const reply = await service.ask(fresh());
      assert.deepEqual([reply.status, JSON.parse(reply.text).error.code], [status, "context_length"]);
      assert(!reply.text.includes("sesame"), "the model's own words stay inside");
    }
    assert.equal(await service.metric('breaker_state{dependency="model"}'), 0);
  });

  for (const status of [401, 403, 404, 408, 425, 429]) {
    test(`status ${status} is the model's failure: it counts, and a stale answer is served`, async () => {
      const { service, question } = await withStale();
      await using _stopped = service;
      model.mode = "error";
      model.errorStatus = status;
      const stale = await service.ask(question);
      assert.deepEqual([stale.status, stale.cache, stale.degraded], [200, "hit", "model"]);
      const none = await service.ask(fresh());
      assert.deepEqual([none.status, JSON.parse(none.text).error.code], [503, "model_unavailable"]);
      assert(!none.text.includes("sesame"));
      for (let i = 0; i < 10; i++) await service.ask(fresh());
      assert.equal(await service.metric('breaker_state{dependency="model"}'), 2);
    });
  }

  test("more calls at once than the bulkhead has places: 503 with Retry-After; BW_BULKHEAD=off: all are made", async () => {
    model.delayMs = 300;
    const askFive = (service: ServiceUnderTest) =>
      Promise.all(Array.from({ length: 5 }, () => service.ask(fresh())));
    {
      await using service = await start({ BW_MODEL_CONCURRENCY: "2" });
      const replies = await askFive(service);
      assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 200, 503, 503, 503]);
      const rejected = replies.find(({ status }) => status === 503);
      assert.equal(rejected?.retryAfter, "1");
      assert.match(rejected?.text ?? "", /"code":"overloaded"/);
    }
    {
      await using service = await start({ BW_MODEL_CONCURRENCY: "2", BW_BULKHEAD: "off" });
      assert((await askFive(service)).every(({ status }) => status === 200));
    }
  });
});

describe("bad input", () => {
  test("without a key it is 401, whatever the body is", async () => {
    await using service = await start({
      BW_REDIS_NODES: "",
      BW_MAX_BODY_BYTES: "2000",
      BW_API_KEYS: "a:key-a",
    });
    for (const body of ["{", JSON.stringify(requestFor("x".repeat(3000)))]) {
      const reply = await service.post(body);
      assert.deepEqual([reply.status, JSON.parse(reply.text).error.code], [401, "invalid_api_key"]);
    }
    // Nor is the body waited for.
    using caller = slowCaller(service);
    caller.socket.write(caller.head(100));
    const [reply] = await once(caller.socket, "data", { signal: AbortSignal.timeout(20_000) });
    assert.match(String(reply), /^HTTP\/1.1 401 /);
  });

  test("is answered in OpenAI's way with the right status, and the service lives", async () => {
    await using service = await start({ BW_REDIS_NODES: "", BW_MAX_BODY_BYTES: "2000" });
    const valid = requestFor("x");
    const cases: [body: string, status: number, code: string, param: string | null][] = [
      ["{", 400, "invalid_json", null],
      ["", 400, "invalid_request", "model"],
      ["[]", 400, "invalid_request", null],
      [JSON.stringify({ ...valid, model: 7 }), 400, "invalid_request", "model"],
      [JSON.stringify({ ...valid, messages: [] }), 400, "invalid_request", "messages"],
      [
        JSON.stringify({ ...valid, messages: [{ role: "user" }] }),
        400,
        "invalid_request",
        "messages.0.content",
      ],
      [JSON.stringify({ ...valid, temperature: "hot" }), 400, "invalid_request", "temperature"],
      [JSON.stringify({ ...valid, n: 2 }), 400, "invalid_request", "n"],
      [JSON.stringify({ ...valid, tools: [] }), 400, "unsupported_parameter", "tools"],
      [JSON.stringify({ ...valid, model: "gpt-9" }), 404, "model_not_found", "model"],
      [JSON.stringify(requestFor("x".repeat(3000))), 413, "body_too_large", null],
    ];
    for (const [body, status, code, param] of cases) {
      const reply = await service.post(body);
      const { error } = JSON.parse(reply.text);
      assert.deepEqual(
        [reply.status, error.code, error.param, error.type],
        [status, code, param, "invalid_request_error"],
      );
    }
    const polluting = JSON.stringify(valid).replace("{", '{"__proto__":{"polluted":true},');
    assert.equal((await service.post(polluting)).status, 200);
    assert.equal(Reflect.get({}, "polluted"), undefined);
    assert.equal((await service.get("/nowhere")).status, 404);
    assert.equal((await service.get("/health/live")).status, 200);
    const requests = 'http_request_duration_seconds_count{route="chat-completions",status="400"}';
    assert.equal(await service.metric(requests), 9);
  });
});
