import assert from "node:assert/strict";
import { test } from "node:test";
import { freshQuestion } from "../testing/dependencies.ts";
import { startModelStub } from "../testing/model-stub.ts";
import { requestFor, startService } from "../testing/service-under-test.ts";

const routes: [name: string, path: string, body: () => Record<string, unknown>][] = [
  ["a plain answer", "/v1/chat/completions", () => requestFor(freshQuestion())],
  ["a streamed answer", "/v1/chat/completions", () => ({ ...requestFor(freshQuestion()), stream: true })],
  ["embeddings", "/v1/embeddings", () => ({ model: "embed-256", input: [freshQuestion(), freshQuestion()] })],
];

for (const [name, path, body] of routes) {
  test(`${name} that the model refuses is the caller's error, with the model's status and code, each time`, async () => {
    await using model = await startModelStub();
    await using service = await startService({ BW_MODEL_URL: model.url, BW_CACHE_L1: "on" });
    const asked = JSON.stringify(body());
    const ask = async () => {
      const response = await fetch(service.url + path, {
        ...{ method: "POST", headers: { "content-type": "application/json" }, body: asked },
      });
      return [response.status, response.headers.get("content-type"), await response.text()] as const;
    };
    model.mode = "error";
    for (const status of [400, 413, 422]) {
      model.errorStatus = status;
      const [told, type, text] = await ask();
      assert.deepEqual([told, type], [status, "application/json; charset=utf-8"]);
      // Its own words may quote the request, or tell of its insides.
      assert.deepEqual(JSON.parse(text).error, {
        message: "The model refuses this request",
        type: "invalid_request_error",
        code: "context_length",
        param: null,
      });
    }
    assert.equal(model.requests.length, 3, "it is asked each time, and once");
    model.mode = "ok";
    assert.equal((await ask())[0], 200);
  });
}

test("nobody without a key is told which models there are", async () => {
  await using model = await startModelStub();
  await using service = await startService({ BW_MODEL_URL: model.url, BW_API_KEYS: "a:key-a" });
  for (const path of ["/v1/models", "/v1/models/llama-3-8b", "/v1/models/gpt-9"]) {
    const { status, text } = await service.get(path);
    assert.deepEqual([status, JSON.parse(text).error.code], [401, "invalid_api_key"], path);
  }
});

test("a path that there is not is 404, and no more of it is repeated than a line", async () => {
  await using model = await startModelStub();
  await using service = await startService({ BW_MODEL_URL: model.url });
  for (const path of ["/nowhere", `/${"x".repeat(10_000)}`]) {
    const { status, text } = await service.get(path);
    assert.deepEqual([status, JSON.parse(text).error.code], [404, "not_found"]);
    assert(text.length < 500);
  }
});

test("a request's time is counted in seconds, from its arrival to its last byte", async () => {
  await using model = await startModelStub();
  model.delayMs = 50;
  await using service = await startService({ BW_MODEL_URL: model.url });
  const began = performance.now();
  assert.equal((await service.ask(freshQuestion())).status, 200);
  const most = (performance.now() - began) / 1000;
  const sum = await service.metric(
    'http_request_duration_seconds_sum{route="chat-completions",status="200"}',
  );
  assert(sum > 0.04 && sum <= most + 1, `${sum} s of ${most} s`);
});

test("a method that a path does not take is 405, and it is said which it takes", async () => {
  await using model = await startModelStub();
  await using service = await startService({ BW_MODEL_URL: model.url });
  for (const [path, method, allowed] of [
    ["/v1/chat/completions", "GET", "POST"],
    ["/v1/models", "DELETE", "GET"],
    ["/health/ready", "POST", "GET"],
  ] as const) {
    const response = await fetch(service.url + path, { method });
    const { error } = JSON.parse(await response.text());
    assert.deepEqual(
      [response.status, response.headers.get("allow"), error.code],
      [405, allowed, "method_not_allowed"],
    );
  }
});
