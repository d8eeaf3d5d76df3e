import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { dependencies } from "../testing/dependencies.ts";
import { requestFor, slowCaller } from "../testing/service-under-test.ts";

const given = dependencies();

test("a request's id is the caller's if it is one, and else another", async () => {
  await using service = await given.start({ BW_REDIS_NODES: "" });
  const idFor = async (id: string) => {
    const response = await fetch(`${service.url}/v1/models`, { headers: { "x-request-id": id } });
    await response.text();
    return response.headers.get("x-request-id");
  };
  assert.equal(await idFor("trial-1.A_b"), "trial-1.A_b");
  for (const none of ["a b", "<script>", "x".repeat(65), '"quoted"', "a,b"]) {
    assert.match((await idFor(none)) ?? "", /^[0-9a-f-]{36}$/, none);
  }
});

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
    ["null", 400, "invalid_request", null],
    ["5", 400, "invalid_request", null],
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
    [
      JSON.stringify({ ...valid, messages: [{ role: "tool" }] }),
      400,
      "invalid_request",
      "messages.0.content",
    ],
    [JSON.stringify({ ...valid, messages: [{ role: "oracle" }] }), 400, "invalid_request", "messages.0.role"],
    [JSON.stringify({ ...valid, tools: [{}] }), 400, "unsupported_parameter", "tools"],
    [JSON.stringify({ ...valid, tools: [{}], tool_choice: "auto" }), 400, "unsupported_parameter", "tools"],
    [JSON.stringify({ ...valid, functions: [{}] }), 400, "unsupported_parameter", "functions"],
    [JSON.stringify({ ...valid, tool_choice: "required" }), 400, "unsupported_parameter", "tool_choice"],
    [
      JSON.stringify({ ...valid, function_call: { name: "f" } }),
      400,
      "unsupported_parameter",
      "function_call",
    ],
    [JSON.stringify({ ...valid, logprobs: true }), 400, "unsupported_parameter", "logprobs"],
    [JSON.stringify({ ...valid, top_logprobs: 2 }), 400, "unsupported_parameter", "top_logprobs"],
    [JSON.stringify({ ...valid, audio: { voice: "x" } }), 400, "unsupported_parameter", "audio"],
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
  assert.equal(await service.metric(requests), cases.filter(([, status]) => status === 400).length);
});

test("a body that is not sent as JSON is refused, and it is said how to send it", async () => {
  await using service = await given.start({ BW_REDIS_NODES: "" });
  const body = JSON.stringify(requestFor("x"));
  for (const path of ["/v1/chat/completions", "/v1/embeddings", "/v1/cache/invalidate"]) {
    for (const type of ["application/x-www-form-urlencoded", "text/plain", ""]) {
      const headers = { "content-type": type };
      const response = await fetch(service.url + path, { method: "POST", headers, body });
      const text = await response.text();
      assert.deepEqual([response.status, JSON.parse(text).error.code], [415, "unsupported_media_type"]);
      assert.match(text, /with content-type: application\/json/);
    }
  }
  const reply = await service.post(body, { "content-type": "application/json; charset=utf-8" });
  assert.equal(reply.status, 200);
});

test("what asks for plain text is answered, however it says so, and whatever was said before", async () => {
  await using service = await given.start({ BW_REDIS_NODES: "" });
  const call = { id: "1", type: "function", function: { name: "f", arguments: "{}" } };
  const histories = [
    [{ role: "assistant", content: null, refusal: "I will not" }],
    [{ role: "assistant", refusal: "I will not" }],
    [
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "1", content: "7" },
    ],
    [
      { role: "assistant", content: null, function_call: call.function },
      { role: "function", name: "f", content: null },
    ],
  ];
  const asked: Record<string, unknown>[] = [
    { logprobs: false, top_logprobs: 0, audio: null },
    { tools: [] },
    { functions: [] },
    { tool_choice: "none" },
    { tools: null, functions: [], function_call: "none" },
    { tools: [{ type: "function", function: { name: "f" } }], tool_choice: "none" },
    { functions: [{ name: "f" }], function_call: "none" },
    ...histories.map((said) => ({
      messages: [...requestFor("x").messages, ...said, ...requestFor("y").messages],
    })),
  ];
  for (const fields of asked) {
    const { status, text } = await service.ask("x", fields);
    assert.equal(status, 200, `${JSON.stringify(fields)}: ${text}`);
    // The model is told all of it.
    const { model: _model, ...seen } = given.model.requests.at(-1) ?? {};
    for (const [name, value] of Object.entries(fields)) assert.deepEqual(seen[name], value);
  }
});

test("a model is known by its name, whatever is in the name; another is 404", async () => {
  const name = "org/llama 3";
  await using service = await given.start({ BW_REDIS_NODES: "", BW_MODEL_NAME: name });
  for (const path of ["org/llama%203", "org%2Fllama%203"]) {
    const { status, text } = await service.get(`/v1/models/${path}`);
    assert.deepEqual([status, JSON.parse(text).id, JSON.parse(text).object], [200, name, "model"]);
  }
  for (const [path, status, code] of [
    ["gpt-9", 404, "model_not_found"],
    ["org", 404, "model_not_found"],
    ["x".repeat(10_000), 404, "model_not_found"],
    ["%zz", 400, "invalid_path"],
  ] as const) {
    const reply = await service.get(`/v1/models/${path}`);
    const { error } = JSON.parse(reply.text);
    assert.deepEqual([reply.status, error.code, error.type], [status, code, "invalid_request_error"]);
    assert(reply.text.length < 500);
  }
});
