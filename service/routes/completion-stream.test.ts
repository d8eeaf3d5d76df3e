import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { contentOf, dependencies, freshQuestion } from "../testing/dependencies.ts";
import { stubAnswer } from "../testing/model-stub.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, type ServiceUnderTest, slowCaller } from "../testing/service-under-test.ts";

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
  // Its head had said 200; what counts it, and alerts, is told what became of it.
  const counted = (status: number) =>
    service.metric(`http_request_duration_seconds_count{route="chat-completions",status="${status}"}`);
  await eventually(async () => (await counted(502)) === 1);
  assert.equal(await counted(200), 0);
  given.model.mode = "ok";
  assert.equal((await service.ask(question)).cache, "miss");
});

const patient = {
  ...{
    BW_MODEL_TIMEOUT_MS: "20000",
    BW_DEADLINE_MS: "50000",
    BW_DEADLINE_MAX_MS: "50000",
    BW_DRAIN_MS: "50000",
  },
  ...{ BW_STREAM_STALL_MS: "40000", BW_SOCKET_IDLE_MS: "60000" },
};
const modelCalls = (service: ServiceUnderTest, outcome: string) =>
  service.metric(`dependency_calls_total{dependency="model",outcome="${outcome}"}`);

/** The responses of a service, and the most that ever waited in one's buffer to be sent. */
function watched({ server }: ServiceUnderTest) {
  const responses: ServerResponse[] = [];
  let mostBytes = 0;
  const sample = setInterval(() => {
    for (const response of responses) mostBytes = Math.max(mostBytes, response.writableLength);
  }, 1);
  server.on("request", (_req, res) => responses.push(res));
  return {
    responses,
    mostBytes: () => mostBytes,
    [Symbol.dispose]: () => clearInterval(sample),
  };
}

/** A caller that has sent its streamed request, and reads nothing. */
function askedAndNotRead(service: ServiceUnderTest, question: string) {
  const body = JSON.stringify({ ...requestFor(question), ...streamed });
  const caller = slowCaller(service);
  caller.socket.pause();
  caller.socket.write(`${caller.head(body.length)}${body}`);
  return caller;
}

/** The buffer's high-water mark, and one write of a piece of 100,000 characters. */
const boundBytes = 300_000;

test("a caller who does not read costs neither the model's time nor its place, nor memory for the answer", async () => {
  await using service = await given.start({ ...patient, BW_REDIS_NODES: "", BW_MODEL_CONCURRENCY: "1" });
  using watching = watched(service);
  given.model.mode = "flood";
  using _caller = askedAndNotRead(service, freshQuestion());
  await eventually(
    async () => (await modelCalls(service, "ok")) + (await modelCalls(service, "timeout")) === 1,
  );
  assert.equal(await modelCalls(service, "ok"), 1);
  const [response] = watching.responses;
  assert(response?.writableNeedDrain, "it has not been sent yet");
  assert(watching.mostBytes() < boundBytes, `${watching.mostBytes()}`);
  given.model.mode = "ok";
  assert.equal((await service.ask(freshQuestion())).status, 200);
});

test("callers of one answer read at their own pace: the quick one is done while the slow one has not begun", async () => {
  await using service = await given.start({ ...patient, BW_CACHE_MAX_ANSWER_BYTES: "1" });
  using watching = watched(service);
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  given.model.mode = "flood";
  given.model.floodPieces = 100;
  const question = freshQuestion();
  using slow = askedAndNotRead(service, question);
  const quick = service.ask(question, streamed);
  await eventually(async () => (await service.metric("answers_waiting")) === 2);
  held.resolve();
  const whole = await quick;
  assert(whole.text.endsWith("data: [DONE]\n\n"));
  assert(watching.responses[0]?.writableNeedDrain);
  let text = "";
  slow.socket.on("data", (bytes) => {
    text += String(bytes);
  });
  slow.socket.resume();
  await eventually(() => text.includes("[DONE]"));
  assert.equal(textOf(text).length, textOf(whole.text).length);
  assert.equal(given.model.requests.length, 1);
});

test("a stored answer is replayed at its reader's pace too", async () => {
  await using service = await given.start({ ...patient, BW_CACHE_MAX_ANSWER_BYTES: "1048576" });
  // Short words make many events, of some ten times the bytes: more than the sockets' buffers hold.
  given.model.mode = "flood";
  given.model.floodPieces = 100;
  given.model.floodPiece = "x ".repeat(5000);
  const question = freshQuestion();
  const first = await given.askAndStore(service, question, streamed);
  using watching = watched(service);
  using slow = askedAndNotRead(service, question);
  await eventually(() => watching.responses.some((response) => response.writableNeedDrain));
  // As long as it is read, it is under way.
  assert.equal(await service.metric('concurrency_in_flight{of="service"}'), 1);
  let text = "";
  slow.socket.on("data", (bytes) => {
    text += String(bytes);
  });
  slow.socket.resume();
  await eventually(() => text.includes("[DONE]"));
  assert.match(text, /x-cache: hit/);
  assert.equal(textOf(text).length, textOf(first.text).length);
  assert(watching.mostBytes() < boundBytes, `${watching.mostBytes()}`);
});

test("a caller who takes nothing for too long is cut off, and as the last one ends the model's call", async () => {
  await using service = await given.start({ ...patient, BW_STREAM_STALL_MS: "300" });
  using watching = watched(service);
  given.model.held = new Promise(() => undefined);
  given.model.mode = "flood-first";
  using _caller = askedAndNotRead(service, freshQuestion());
  await eventually(() => watching.responses[0]?.destroyed === true);
  await eventually(() => given.model.abandoned === 1);
  await eventually(async () => (await modelCalls(service, "cancelled")) === 1);
  // It has not left: it is told apart from those who have.
  const counted = (status: number) =>
    service.metric(`http_request_duration_seconds_count{route="chat-completions",status="${status}"}`);
  await eventually(async () => (await counted(408)) === 1);
  assert.equal(await counted(499), 0);
});

test("a caller who was slow once, and took all, is not cut off for it", async () => {
  await using service = await given.start({ ...patient, BW_STREAM_STALL_MS: "4000" });
  using watching = watched(service);
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  given.model.mode = "flood-first";
  given.model.floodPieces = 100;
  using caller = askedAndNotRead(service, freshQuestion());
  await eventually(() => watching.responses[0]?.writableNeedDrain === true);
  let text = "";
  caller.socket.on("data", (bytes) => {
    text += String(bytes);
  });
  caller.socket.resume();
  await eventually(() => watching.responses[0]?.writableLength === 0);
  await delay(4500);
  held.resolve();
  await eventually(() => text.includes("[DONE]"));
});

test("the deadline ends a stream whose caller does not read; one who reads is told", async () => {
  await using service = await given.start({
    ...patient,
    BW_DEADLINE_MS: "1500",
    BW_MODEL_TIMEOUT_MS: "1400",
  });
  using watching = watched(service);
  given.model.mode = "flood";
  using _caller = askedAndNotRead(service, freshQuestion());
  await eventually(() => watching.responses[0]?.destroyed === true);
  given.model.mode = "ok";
  given.model.held = new Promise(() => undefined);
  const body = JSON.stringify({ ...requestFor(freshQuestion()), ...streamed });
  const told = await service.post(body, { "x-request-deadline-ms": "500" });
  assert.equal(told.status, 200);
  assert.match(told.text, /"code":"deadline_exceeded"/);
  assert(!told.text.includes("[DONE]"));
});

test("headers go out with the first piece, before the answer is whole", async () => {
  await using service = await given.start(patient);
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const response = await fetch(`${service.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...requestFor(freshQuestion()), ...streamed }),
  });
  assert.deepEqual(
    [response.status, response.headers.get("x-cache"), response.headers.get("x-provenance")],
    [200, "miss", "generation=1"],
  );
  // Of the stream itself: a proxy that kept it would give it to others, and late.
  assert.equal(response.headers.get("cache-control"), "no-cache");
  held.resolve();
  assert(textOf(await response.text()).length > 0);
});

test("usage comes once, before the end, to those who asked for it, of a new answer and of a stored one", async () => {
  await using service = await given.start(patient);
  const question = freshQuestion();
  const usages = async (options: object) => {
    const { text } = await service.ask(question, { stream: true, ...options });
    assert.match(text, /\[DONE\]\s*$/);
    return text.match(/"usage":\{/g)?.length ?? 0;
  };
  const asking = { stream_options: { include_usage: true } };
  const counts = [await usages(asking), await usages({}), await usages(asking)];
  assert.deepEqual([...counts, await usages({ stream_options: { include_usage: false } })], [1, 0, 1, 0]);
});

test("one who joins a stream late gets the pieces so far at once, and is not the one whose leaving ends it", async () => {
  await using service = await given.start(patient);
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const question = freshQuestion();
  const leaving = new AbortController();
  const ask = (signal: AbortSignal | null) =>
    fetch(`${service.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...requestFor(question), ...streamed }),
      signal,
    });
  await ask(leaving.signal);
  const late = await ask(null);
  assert.deepEqual([late.status, late.headers.get("x-coalesced")], [200, "process"]);
  leaving.abort();
  await eventually(async () => (await service.metric("answers_waiting")) === 1);
  held.resolve();
  assert.equal(textOf(await late.text()), stubAnswer(1));
  assert.deepEqual([given.model.requests.length, given.model.abandoned], [1, 0]);
});

test("a model that fails before the first piece is a plain 502", async () => {
  await using service = await given.start();
  given.model.mode = "error";
  for (const fields of [streamed, {}]) {
    const { status, text, cache } = await service.ask(freshQuestion(), fields);
    const { code, type } = JSON.parse(text).error;
    // With what was found on the way.
    assert.deepEqual([status, code, type, cache], [502, "model_failed", "server_error", "miss"]);
  }
});
