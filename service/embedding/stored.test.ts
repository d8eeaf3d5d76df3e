import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { embeddingKey } from "../cache/keys.ts";
import { dependencies, freshQuestion } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";
import type { ServiceUnderTest } from "../testing/service-under-test.ts";

/** What of embeddings is stored and given again, and what is not. */

const given = dependencies();
const model = "embed-256";

async function embed(
  service: ServiceUnderTest,
  input: string,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await fetch(`${service.url}/v1/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model, input }),
  });
  const body = JSON.parse(await response.text());
  const { status } = response;
  return { status, cache: response.headers.get("x-cache"), code: body.error?.code };
}

/** The key of an input, and the node that has it. */
function placeOf(input: string) {
  const key = embeddingKey("public", { model }, input, "1");
  return { key, redis: given.cluster.nodeOf(key).redis };
}

/**
 * An input on a node that has no marks of invalidations. The script that polls them counts as a write, so where writes
 * are held it would hold up all that comes behind it on the connection.
 */
function inputBesideMarks(): string {
  for (;;) {
    const input = freshQuestion();
    if (placeOf(input).redis !== given.cluster.nodeOf("{invalidations}").redis) return input;
  }
}

/** Until it is disposed of, a node takes reads alone: writes wait. */
async function writesHeld(input: string): Promise<AsyncDisposable> {
  const { redis } = placeOf(input);
  await redis.call("CLIENT", "PAUSE", "60000", "WRITE");
  return {
    async [Symbol.asyncDispose]() {
      await redis.call("CLIENT", "UNPAUSE");
    },
  };
}

const through = {
  BW_CACHE_WRITES: "write-through",
  BW_REDIS_TIMEOUT_MS: "10000",
  BW_DEADLINE_MS: "20000",
  BW_MODEL_TIMEOUT_MS: "15000",
  BW_CACHE_L1: "off",
};

test("no-store: nothing is stored", async () => {
  await using service = await given.start(through);
  const [stored, unstored] = [freshQuestion(), freshQuestion()];
  assert.equal((await embed(service, unstored, { "cache-control": "no-store" })).status, 200);
  // Would come after it.
  assert.equal((await embed(service, stored)).status, 200);
  const exist = [stored, unstored].map((input) => placeOf(input).redis.exists(placeOf(input).key));
  assert.deepEqual(await Promise.all(exist), [1, 0]);
  for (const reason of ["no-store", "cacheable"])
    assert.equal(await service.metric(`cache_rules_total{cache="embeddings",reason="${reason}"}`), 1);
});

test("written through: the embedding goes out when Redis has it", async () => {
  await using service = await given.start(through);
  const input = inputBesideMarks();
  const { key, redis } = placeOf(input);
  await using held = await writesHeld(input);
  let answered = false;
  const reply = embed(service, input).finally(() => {
    answered = true;
  });
  await eventually(() => given.model.requests.length === 1);
  await delay(200);
  assert.equal(answered, false);
  await held[Symbol.asyncDispose]();
  assert.equal((await reply).status, 200);
  assert.equal(await redis.exists(key), 1);
});

test("written through: of a request with many inputs all are stored, though a shard has places for few", async () => {
  const places = { BW_REDIS_WRITE_CONCURRENCY: "4", BW_EMBEDDINGS_CACHE_CONCURRENCY: "4" };
  await using service = await given.start({ ...through, ...places });
  const inputs = Array.from({ length: 200 }, freshQuestion);
  const response = await fetch(`${service.url}/v1/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, input: inputs }),
  });
  assert.equal(response.status, 200);
  await response.text();
  const stored = await Promise.all(inputs.map((input) => placeOf(input).redis.exists(placeOf(input).key)));
  assert.equal(stored.filter((exists) => exists === 1).length, inputs.length);
});

test("written through, but its key could not be read: nobody waits for the write", async () => {
  await using service = await given.start(through);
  const input = inputBesideMarks();
  const { key, redis } = placeOf(input);
  // GET fails then, and nothing else does.
  await redis.lpush(key, "x");
  await using _held = await writesHeld(input);
  assert.deepEqual(await embed(service, input), { status: 200, cache: "bypass", code: undefined });
  assert.equal(await redis.type(key), "list");
});

test("an embedding that was stored without a request's tags is not given to it", async () => {
  await using service = await given.start(through);
  const input = freshQuestion();
  await embed(service, input);
  assert.equal((await embed(service, input)).cache, "hit");
  const tagged = { "x-cache-tags": "doc-8" };
  assert.equal((await embed(service, input, tagged)).cache, "miss");
  assert.equal((await embed(service, input, tagged)).cache, "hit");
});

test("BW_FALLBACK=off: no embedding without Redis, nor a stale one without the model", async () => {
  const soonStale = { BW_EMBEDDINGS_FRESH_MS: "1", BW_RETRY: "off" };
  await using service = await given.start({ ...through, ...soonStale, BW_FALLBACK: "off" });
  const [unreadable, stale] = [freshQuestion(), freshQuestion()];
  await placeOf(unreadable).redis.lpush(placeOf(unreadable).key, "x");
  const refused = await embed(service, unreadable);
  assert.deepEqual([refused.status, refused.code, given.model.requests.length], [502, "redis_failed", 0]);
  assert.equal((await embed(service, stale)).status, 200);
  await delay(5);
  given.model.mode = "error";
  const failed = await embed(service, stale);
  assert.deepEqual([failed.status, failed.code], [502, "model_failed"]);
});
