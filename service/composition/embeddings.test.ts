import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencies, freshQuestion } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";
import type { ServiceUnderTest } from "../testing/service-under-test.ts";

const given = dependencies();

async function embed({ url }: ServiceUnderTest, input: string) {
  const response = await fetch(`${url}/v1/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "embed-256", input }),
  });
  const { error } = JSON.parse(await response.text());
  return [response.status, error?.code];
}

test("what guards the model guards it from embeddings too: a passing failure is repeated", async () => {
  await using service = await given.start();
  Object.assign(given.model, { mode: "error", errorStatus: 503, errorsLeft: 1 });
  assert.deepEqual(await embed(service, freshQuestion()), [200, undefined]);
  assert.equal(given.model.requests.length, 2);
});

test("answers and embeddings have one breaker: it is the same server that is ill", async () => {
  await using service = await given.start();
  Object.assign(given.model, { mode: "error", errorStatus: 503 });
  await eventually(async () => {
    await service.ask(freshQuestion());
    return (await service.metric('breaker_state{dependency="model"}')) === 2;
  });
  given.model.requests.length = 0;
  assert.deepEqual(await embed(service, freshQuestion()), [503, "model_unavailable"]);
  assert.equal(given.model.requests.length, 0);
});

test("vectors are not compressed: that would be work for nothing", async () => {
  await using service = await given.start({ BW_CACHE_COMPRESS_FROM_BYTES: "1" });
  const bytes = (form: string) =>
    service.metric(`cache_encoded_bytes_total{cache="embeddings",form="${form}"}`);
  assert.deepEqual(await embed(service, freshQuestion()), [200, undefined]);
  await eventually(async () => (await bytes("stored")) > 0);
  // And a byte that says so.
  assert((await bytes("stored")) > (await bytes("plain")));
});
