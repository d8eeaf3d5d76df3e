import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import OpenAI from "openai";
import { embeddingKey } from "../cache/keys.ts";
import { dependencies, freshQuestion } from "../testing/dependencies.ts";
import { stubVector } from "../testing/model-stub.ts";
import { eventually } from "../testing/redis-cluster.ts";
import type { ServiceUnderTest } from "../testing/service-under-test.ts";

const given = dependencies();
const model = "embed-256";
const texts = (count: number) => Array.from({ length: count }, freshQuestion);

async function embed(
  service: ServiceUnderTest,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await fetch(`${service.url}/v1/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model, ...body }),
  });
  const parsed = JSON.parse(await response.text());
  const vectors: number[][] = (parsed.data ?? []).map((item: { embedding: number[] }) => item.embedding);
  const cache = response.headers.get("x-cache");
  return { status: response.status, headers: response.headers, cache, body: parsed, vectors };
}

const expected = (inputs: readonly string[]) => inputs.map((text) => [...stubVector(text)]);
const asked = () => given.model.requests.map(({ input }) => input);
const inputs = (service: ServiceUnderTest, result: string) =>
  service.metric(`embedding_inputs_total{result="${result}"}`);

async function stored(input: string): Promise<boolean> {
  const key = embeddingKey("public", { model }, input, "1");
  return (await given.cluster.nodeOf(key).redis.exists(key)) === 1;
}

test("of many inputs the model is asked only for those that are not known, each once; all come in their order", async () => {
  await using service = await given.start();
  const [known, unknown] = [texts(6), texts(4)];
  assert.equal((await embed(service, { input: known })).cache, "miss");
  await eventually(async () => (await Promise.all(known.map(stored))).every(Boolean));
  const mixed = [...known.flatMap((text, i) => [unknown[i % 4] ?? "", text])];
  const reply = await embed(service, { input: mixed });
  assert.deepEqual([reply.status, reply.cache], [200, "miss"]);
  assert.deepEqual(reply.vectors, expected(mixed));
  assert.deepEqual(asked(), [known, unknown]);
  assert.deepEqual(reply.body.usage, { prompt_tokens: 4, total_tokens: 4 });
  assert.deepEqual([await inputs(service, "hit"), await inputs(service, "miss")], [6, 10]);
  const again = await embed(service, { input: known[0] });
  assert.deepEqual(
    [again.cache, again.headers.get("x-provenance"), again.vectors],
    ["hit", "generation=1", expected(known.slice(0, 1))],
  );
});

test("the openai client, which asks for base64 by itself", async () => {
  await using service = await given.start({ BW_CACHE_L1: "on" });
  const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: "any", maxRetries: 0 });
  const input = texts(3);
  for (const _ of ["made", "stored"]) {
    const made = await client.embeddings.create({ model, input });
    assert.deepEqual(
      made.data.map(({ embedding }) => embedding),
      expected(input),
    );
    const numbers = await client.embeddings.create({ model, input, encoding_format: "float" });
    assert.deepEqual(
      numbers.data.map(({ embedding }) => embedding),
      expected(input),
    );
  }
  assert.equal(given.model.requests.length, 1);
});

test("BW_EMBEDDINGS_STORE=int8: what is stored takes a quarter, and points the same way", async () => {
  await using exact = await given.start();
  await using small = await given.start({ BW_EMBEDDINGS_STORE: "int8", BW_MODEL_EPOCH: "int8" });
  const [input = ""] = texts(1);
  const made = await embed(small, { input });
  assert.deepEqual(made.vectors, expected([input]));
  await embed(exact, { input });
  const keys = ["int8", "1"].map((epoch) => embeddingKey("public", { model }, input, epoch));
  const size = (key: string) => given.cluster.nodeOf(key).redis.strlen(key);
  await eventually(async () => (await Promise.all(keys.map(size))).every((bytes) => bytes > 0));
  const [int8 = 0, float32 = 0] = await Promise.all(keys.map(size));
  assert(float32 - int8 > 64 * 3 - 40, `${int8} ${float32}`);
  const again = await embed(small, { input });
  assert.equal(again.cache, "hit");
  const [vector = []] = again.vectors;
  const right = stubVector(input);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a, (x, i) => x * (b[i] ?? 0)).reduce((sum, x) => sum + x);
  const cosine = dot(vector, right) / Math.sqrt(dot(vector, vector) * dot(right, right));
  assert(cosine > 0.999 && cosine < 1 - 1e-9, `${cosine}`);
});

test("what changes an embedding changes its key; how it is delivered does not", async () => {
  await using service = await given.start({
    BW_CACHE_L1: "on",
    BW_REDIS_NODES: "",
    BW_API_KEYS: "a:key-a,b:key-b",
  });
  const [input = ""] = texts(1);
  const as = (tenant: string) => ({ authorization: `Bearer key-${tenant}` });
  await embed(service, { input }, as("a"));
  for (const fields of [{ encoding_format: "base64" }, { user: "u" }])
    assert.equal((await embed(service, { input, ...fields }, as("a"))).cache, "hit");
  for (const fields of [{ dimensions: 8 }, { input: `${input} ` }, { a_field_of_tomorrow: 1 }])
    assert.equal((await embed(service, { input, ...fields }, as("a"))).cache, "miss");
  assert.equal((await embed(service, { input }, as("b"))).cache, "miss");
  assert.equal((await embed(service, { input })).status, 401);
  assert.equal(given.model.requests[1]?.["dimensions"], 8);
});

test("Cache-Control is followed: no-store, no-cache, max-age, only-if-cached", async () => {
  await using service = await given.start({ BW_CACHE_L1: "on", BW_REDIS_NODES: "" });
  const [input = ""] = texts(1);
  const asking = (control: string) => embed(service, { input }, { "cache-control": control });
  assert.equal((await asking("only-if-cached")).status, 504);
  assert.equal((await asking("no-store")).cache, "miss");
  assert.equal((await asking("no-cache")).cache, "bypass");
  assert.equal((await asking("only-if-cached")).cache, "hit");
  await delay(5);
  assert.equal((await asking("max-age=0")).cache, "miss");
  assert.equal(given.model.requests.length, 3);
});

test("the model is gone: what is no longer fresh is served if there is all of it; else 502", async () => {
  await using service = await given.start({
    BW_EMBEDDINGS_FRESH_MS: "1",
    BW_CACHE_L1: "on",
    BW_REDIS_NODES: "",
    BW_RETRY: "off",
  });
  const [known = "", other = ""] = texts(2);
  await embed(service, { input: known });
  await delay(5);
  given.model.mode = "error";
  const stale = await embed(service, { input: known });
  assert.deepEqual(
    [stale.status, stale.cache, stale.headers.get("x-degraded"), stale.vectors],
    [200, "hit", "model", expected([known])],
  );
  const none = await embed(service, { input: [known, other] });
  assert.deepEqual([none.status, none.body.error.code], [502, "model_failed"]);
  assert.deepEqual([await inputs(service, "stale")], [1]);
  given.model.errorStatus = 400;
  assert.deepEqual((await embed(service, { input: other })).body.error.code, "context_length");
});

test("Redis is gone: the model is asked, and nothing is called a miss", async () => {
  await using service = await given.start({ BW_REDIS_NODES: "127.0.0.1:1", BW_START_WAIT_MS: "50" });
  const input = texts(3);
  const reply = await embed(service, { input });
  assert.deepEqual([reply.status, reply.cache, reply.headers.get("x-degraded")], [200, "bypass", "redis"]);
  assert.deepEqual(reply.vectors, expected(input));
  assert.deepEqual([await inputs(service, "miss"), await inputs(service, "bypass")], [0, 3]);
});

test("Redis is gone: what was made is in memory, and the model is not asked again", async () => {
  const away = { BW_REDIS_NODES: "127.0.0.1:1", BW_START_WAIT_MS: "50" };
  for (const writes of ["write-through", "write-behind"]) {
    await using service = await given.start({ ...away, BW_CACHE_L1: "on", BW_CACHE_WRITES: writes });
    const input = texts(3);
    given.model.requests.length = 0;
    for (const cache of ["bypass", "hit"]) assert.equal((await embed(service, { input })).cache, cache);
    assert.equal(given.model.requests.length, 1);
  }
});

test("max-age: an older embedding in memory does not hide a newer one in Redis", async () => {
  const l1 = { BW_CACHE_L1: "on", BW_CACHE_WRITES: "write-through" };
  await using one = await given.start(l1);
  await using other = await given.start(l1);
  const [input = ""] = texts(1);
  const asking = (service: ServiceUnderTest, control: string) =>
    embed(service, { input }, { "cache-control": control });
  await asking(one, "max-age=5");
  await delay(5100);
  await asking(other, "no-cache");
  const hit = await asking(one, "max-age=5");
  assert.deepEqual([hit.cache, hit.headers.get("x-provenance")], ["hit", "generation=2"]);
  assert.equal(given.model.requests.length, 2);
});

test("many inputs of one request do not take all places at a shard", async () => {
  await using service = await given.start({
    BW_REDIS_CONCURRENCY: "4",
    BW_EMBEDDINGS_CACHE_CONCURRENCY: "3",
  });
  const reply = await embed(service, { input: texts(300) });
  assert.deepEqual([reply.cache, reply.headers.get("x-degraded")], ["miss", null]);
});

test("an invalidated embedding is made anew", async () => {
  await using service = await given.start({ BW_CACHE_L1: "on" });
  const [input = ""] = texts(1);
  const tagged = { "x-cache-tags": "doc-7" };
  await embed(service, { input }, tagged);
  assert.equal((await embed(service, { input }, tagged)).cache, "hit");
  const reply = await fetch(`${service.url}/v1/cache/invalidate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ tag: "doc-7" }),
  });
  assert.equal(reply.status, 200, await reply.text());
  assert.equal((await embed(service, { input }, tagged)).cache, "miss");
});

test("an embedding that was stored without a caller's tag does not serve it: the tag could not invalidate it", async () => {
  await using service = await given.start({ BW_CACHE_L1: "on", BW_REDIS_NODES: "" });
  const [input = ""] = texts(1);
  const tagged = { "x-cache-tags": "doc-8" };
  await embed(service, { input });
  assert.equal((await embed(service, { input })).cache, "hit");
  assert.equal((await embed(service, { input }, tagged)).cache, "miss");
  for (const headers of [tagged, {}]) assert.equal((await embed(service, { input }, headers)).cache, "hit");
});

test("bad input is refused in OpenAI's way", async () => {
  const limits = { BW_EMBEDDINGS_MAX_INPUTS: "3", BW_EMBEDDINGS_MAX_INPUT_BYTES: "10" };
  await using service = await given.start({ BW_REDIS_NODES: "", ...limits });
  const cases: [fields: Record<string, unknown>, status: number, param: string][] = [
    [{}, 400, "input"],
    [{ input: "" }, 400, "input"],
    [{ input: [] }, 400, "input"],
    [{ input: ["a", "b", "c", "d"] }, 400, "input"],
    [{ input: [1, 2, 3] }, 400, "input"],
    [{ input: [[1, 2], [3]] }, 400, "input"],
    [{ input: ["a", null] }, 400, "input"],
    [{ input: "éééééé" }, 400, "input"],
    [{ input: "a", encoding_format: "hex" }, 400, "encoding_format"],
    [{ input: "a", dimensions: 0 }, 400, "dimensions"],
    [{ input: "a", model: "other" }, 404, "model"],
  ];
  for (const [fields, status, param] of cases) {
    const { body, status: got } = await embed(service, fields);
    assert.deepEqual([got, body.error.param], [status, param], JSON.stringify(fields));
  }
  // Sent by a client that its user did not tell to.
  for (const input of [
    [1, 2, 3],
    [[1, 2], [3]],
  ]) {
    const { body } = await embed(service, { input });
    assert.match(body.error.message, /check_embedding_ctx_length=False/);
  }
  assert.equal(given.model.requests.length, 0);
});

test("an engine whose embeddings are not what was asked for has failed", async () => {
  await using service = await given.start({ BW_REDIS_NODES: "" });
  given.model.mode = "unreadable";
  const { status, body } = await embed(service, { input: "a" });
  assert.deepEqual([status, body.error.code], [502, "model_failed"]);
});
