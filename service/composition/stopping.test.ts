import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { embeddingKey } from "../cache/keys.ts";
import { readConfig } from "../config/config.ts";
import { createLog } from "../telemetry/log.ts";
import { dependencies, freshQuestion } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { compose } from "./service.ts";

const given = dependencies();

test("once stopped it has no connection to Redis, asks it nothing more, and has no more to tell", async () => {
  const lines: string[] = [];
  const connections = async () => {
    const lists = given.cluster.nodes.map(({ redis }) => redis.client("LIST"));
    return [...String(await Promise.all(lists)).matchAll(/\baddr=/g)].length;
  };
  const before = await connections();
  const service = compose(
    readConfig({
      ...{ BW_MODEL_URL: given.model.url, BW_REDIS_NODES: given.cluster.addresses, BW_PORT: "0" },
      ...{ BW_INVALIDATION_POLL_MS: "100", BW_DRAIN_NOTICE_MS: "0" },
    }),
    createLog("trace", { write: (line) => void lines.push(line) }),
  );
  await service.start();
  assert((await connections()) > before);
  await service.stop();
  await eventually(async () => (await connections()) <= before);
  // One that was under way may tell that its connection closed.
  await delay(300);
  lines.length = 0;
  await delay(2500);
  assert.deepEqual(lines, []);
});

test("embeddings that wait to be written are written before the service has stopped", async () => {
  const input = Array.from({ length: 100 }, freshQuestion);
  const model = "embed-256";
  {
    await using service = await given.start({ BW_CACHE_WRITE_CONCURRENCY: "1" });
    const reply = await fetch(`${service.url}/v1/embeddings`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, input }),
    });
    await reply.text();
    assert.equal(reply.status, 200);
  }
  const stored = input.map(async (text) => {
    const key = embeddingKey("public", { model }, text, "1");
    return (await given.cluster.nodeOf(key).redis.exists(key)) === 1;
  });
  assert.deepEqual(
    (await Promise.all(stored)).filter((is) => !is),
    [],
  );
});

test("a refresh that is under way is given up when the service stops: no caller waits for it", async () => {
  const { model } = given;
  {
    await using service = await given.start({
      ...{ BW_CACHE_FRESH_MS: "1", BW_TTL_JITTER: "off", BW_EARLY_REFRESH: "off", BW_TIMEOUT: "off" },
    });
    const question = freshQuestion();
    await given.askAndStore(service, question);
    await delay(5);
    model.mode = "silent";
    assert.equal((await service.ask(question)).stale, "while-revalidate");
    await eventually(() => model.requests.length === 2);
    assert.equal(model.abandoned, 0);
  }
  await eventually(() => model.abandoned === 1);
});
