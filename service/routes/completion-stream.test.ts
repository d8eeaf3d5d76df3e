import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf, dependencies, freshQuestion } from "../testing/dependencies.ts";
import { stubAnswer } from "../testing/model-stub.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, slowCaller } from "../testing/service-under-test.ts";

const given = dependencies();

const streamed = { stream: true };
const textOf = (sse: string) =>
  [...sse.matchAll(/^data: (\{.*\})$/gm)]
    .map(([, data = ""]) => JSON.parse(data).choices[0]?.delta.content ?? "")
    .join("");

test("a streamed answer is stored when complete, and serves plain and streamed requests", async () => {
  await using service = await given.start();
  const question = freshQuestion();
  const first = await given.askAndStore(service, question, streamed);
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
  assert.equal(given.model.requests.length, 1);
});

test("a stream that breaks ends with an error event, and is not stored", async () => {
  await using service = await given.start();
  given.model.mode = "break-stream";
  const question = freshQuestion();
  const broken = await service.ask(question, streamed);
  assert.match(broken.text, /"code":"model_failed"/);
  assert(!broken.text.includes("[DONE]"));
  given.model.mode = "ok";
  assert.equal((await service.ask(question)).cache, "miss");
});

test("a caller who does not read holds up neither the model's attempt nor its place", async () => {
  await using service = await given.start({
    ...{
      BW_REDIS_NODES: "",
      BW_MODEL_CONCURRENCY: "1",
      BW_MODEL_TIMEOUT_MS: "6000",
      BW_DEADLINE_MS: "20000",
    },
  });
  given.model.mode = "flood";
  const body = JSON.stringify({ ...requestFor(freshQuestion()), ...streamed });
  using caller = slowCaller(service);
  caller.socket.write(`${caller.head(body.length)}${body}`);
  const calls = (outcome: string) =>
    service.metric(`dependency_calls_total{dependency="model",outcome="${outcome}"}`);
  await eventually(async () => (await calls("ok")) + (await calls("timeout")) === 1);
  assert.equal(await calls("ok"), 1);
  given.model.mode = "ok";
  assert.equal((await service.ask(freshQuestion())).status, 200);
});

test("a model that fails before the first piece is a plain 502", async () => {
  await using service = await given.start();
  given.model.mode = "error";
  const reply = await service.ask(freshQuestion(), streamed);
  assert.deepEqual([reply.status, JSON.parse(reply.text).error.code], [502, "model_failed"]);
});
