import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { dependencies } from "../testing/dependencies.ts";
import { requestFor, slowCaller } from "../testing/service-under-test.ts";

const given = dependencies();

test("without a key it is 401, whatever the body is", async () => {
  await using service = await given.start({
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
  await using service = await given.start({ BW_REDIS_NODES: "", BW_MAX_BODY_BYTES: "2000" });
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
