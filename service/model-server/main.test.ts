import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { answerTokens } from "./content.ts";
import { embeddingVector } from "./embedding-vectors.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill("SIGKILL");
});

/** Starts the model server on a free port, as its own process. */
async function startServer(env: Record<string, string> = {}): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, PORT: "0", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  started.push(child);
  assert.ok(child.stdout !== null);
  for await (const line of createInterface(child.stdout)) {
    const url = /^listening on (http:\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { url, child };
  }
  throw new Error("the model server ended before it listened");
}

const { url } = await startServer();
const question = { role: "user", content: "How deep is the harbour?" } as const;
const rightTokens = answerTokens("llama-3-8b", "1", [{ role: "user", text: question.content }]);

function ask(body: unknown, headers: Record<string, string> = {}, to = url): Promise<Response> {
  return fetch(`${to}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function errorOf(response: Response): Promise<{ status: number; code: string; param: string | null }> {
  const { error } = (await response.json()) as {
    error: { message: string; code: string; param: string | null };
  };
  assert.ok(error.message.length > 0);
  return { status: response.status, code: error.code, param: error.param };
}

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });

test("the openai client gets a whole answer", async () => {
  const { data, response } = await client.chat.completions
    .create({ model: "llama-3-8b", messages: [question], temperature: 0 })
    .withResponse();
  assert.equal(data.object, "chat.completion");
  assert.equal(data.choices[0]?.message.content, rightTokens.join(""));
  assert.equal(data.choices[0]?.finish_reason, "stop");
  assert.deepEqual(data.usage, {
    prompt_tokens: 6,
    completion_tokens: rightTokens.length,
    total_tokens: 6 + rightTokens.length,
  });
  assert.match(
    response.headers.get("x-provenance") ?? "",
    /^tenant=public;epoch=1;generation=\d+;at=\d{13}$/,
  );
});

test("the openai client gets the same answer as a stream, token by token, with its usage", async () => {
  const stream = await client.chat.completions.create({
    model: "llama-3-8b",
    messages: [{ role: "user", content: [{ type: "text", text: question.content }] }],
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  assert.equal(chunks[0]?.choices[0]?.delta.role, "assistant");
  const contents = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").filter((text) => text !== "");
  assert.deepEqual(contents, rightTokens);
  assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, "stop");
  assert.deepEqual(chunks.at(-1)?.choices, []);
  assert.equal(chunks.at(-1)?.usage?.completion_tokens, rightTokens.length);
});

test("a stream ends with [DONE], and tells no usage unasked", async () => {
  const response = await ask({ model: "llama-3-8b", messages: [question], stream: true });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const text = await response.text();
  assert.ok(text.endsWith("data: [DONE]\n\n"));
  assert.ok(!text.includes('"usage"'));
});

test("max_tokens cuts the answer off", async () => {
  for (const limit of [{ max_tokens: 3 }, { max_completion_tokens: 3 }]) {
    const answer = await client.chat.completions.create({
      model: "llama-3-8b",
      messages: [question],
      ...limit,
    });
    assert.equal(answer.choices[0]?.message.content, rightTokens.slice(0, 3).join(""));
    assert.equal(answer.choices[0]?.finish_reason, "length");
  }
});

test("the openai client lists the models", async () => {
  const models = await client.models.list();
  assert.deepEqual(
    models.data.map((model) => model.id),
    ["llama-3-8b", "embed-256"],
  );
});

test("provenance names the tenant and the epoch, and counts the answers", async () => {
  const server = await startServer({ MODEL_EPOCH: "7" });
  const seen = [];
  for (const tenant of ["acme", "umbrella"]) {
    const before = Date.now();
    const response = await ask(
      { model: "llama-3-8b", messages: [question] },
      { "x-tenant": tenant },
      server.url,
    );
    const [, told, at] = /^(.*);at=(\d+)$/.exec(response.headers.get("x-provenance") ?? "") ?? [];
    assert.ok(Number(at) >= before && Number(at) <= Date.now());
    seen.push(told);
  }
  assert.deepEqual(seen, ["tenant=acme;epoch=7;generation=1", "tenant=umbrella;epoch=7;generation=2"]);
});

test("another model version answers differently", async () => {
  const server = await startServer({ MODEL_VERSION: "2" });
  const answer = (await (
    await ask({ model: "llama-3-8b", messages: [question] }, {}, server.url)
  ).json()) as {
    choices: { message: { content: string } }[];
  };
  assert.match(answer.choices[0]?.message.content ?? "", /^Answer [0-9a-f]{16} /);
  assert.notEqual(answer.choices[0]?.message.content, rightTokens.join(""));
});

test("health and unknown routes", async () => {
  assert.equal((await fetch(`${url}/health/ready`)).status, 200);
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
  assert.deepEqual(await errorOf(await fetch(`${url}/v1/nowhere`)), {
    status: 404,
    code: "not_found",
    param: null,
  });
  const wrongMethod = await fetch(`${url}/v1/chat/completions`);
  assert.equal(wrongMethod.headers.get("allow"), "POST");
  assert.equal(wrongMethod.status, 405);
});

test("bad requests get OpenAI's errors", async () => {
  const valid = { model: "llama-3-8b", messages: [question] };
  const cases: [unknown, number, string, string | null, Record<string, string>?][] = [
    ["{", 400, "invalid_json", null],
    ["null", 400, "invalid_request", null],
    [{ ...valid, messages: [] }, 400, "invalid_request", "messages"],
    [{ ...valid, messages: [{ role: "user", content: 7 }] }, 400, "invalid_request", "messages.0.content"],
    [{ ...valid, max_tokens: 0 }, 400, "invalid_request", "max_tokens"],
    [{ ...valid, n: 2 }, 400, "invalid_request", "n"],
    [{ ...valid, model: "gpt-9" }, 404, "model_not_found", "model"],
    [
      { ...valid, messages: [{ role: "user", content: "x".repeat(40_000) }] },
      400,
      "context_length_exceeded",
      "messages",
    ],
    [{ ...valid, messages: [{ role: "user", content: "x".repeat(2_000_000) }] }, 413, "body_too_large", null],
    [valid, 400, "invalid_tenant", null, { "x-tenant": "a;epoch=9" }],
    [valid, 400, "invalid_deadline", null, { "x-request-deadline-ms": "0" }],
    [valid, 400, "invalid_deadline", null, { "x-request-deadline-ms": "5, 5" }],
  ];
  for (const [body, status, code, param, headers] of cases) {
    assert.deepEqual(await errorOf(await ask(body, headers)), { status, code, param });
  }
  await assert.rejects(
    client.chat.completions.create({ model: "gpt-9", messages: [question] }),
    OpenAI.NotFoundError,
  );
});

/** Some 300 ms of work: the prompt alone takes four steps. */
const long = { model: "llama-3-8b", messages: [{ role: "user", content: "x".repeat(32_000) }] };

test("with the queue full, further requests are refused with Retry-After", async () => {
  const server = await startServer({ MAX_BATCH: "1", MAX_QUEUE: "1" });
  const responses = await Promise.all(Array.from({ length: 12 }, () => ask(long, {}, server.url)));
  const refused = responses.filter((response) => response.status === 503);
  assert.ok(refused.length > 0 && refused.length < 12, `${refused.length} of 12 refused`);
  for (const response of refused) {
    assert.equal(response.headers.get("retry-after"), "1");
    assert.deepEqual(await errorOf(response), { status: 503, code: "queue_full", param: null });
  }
});

test("a client that leaves frees its place: what nobody waits for is not computed", async () => {
  const server = await startServer({ MAX_BATCH: "1" });
  const sent = Array.from({ length: 20 }, () => {
    const one = request(`${server.url}/v1/chat/completions`, { method: "POST" });
    one.on("error", () => {});
    one.end(JSON.stringify(long));
    return one;
  });
  await Promise.race(sent.map((one) => once(one, "response")));
  for (const one of sent) one.destroy();
  const answer = await ask({ model: "llama-3-8b", messages: [question] }, {}, server.url);
  const generation = Number(/generation=(\d+)/.exec(answer.headers.get("x-provenance") ?? "")?.[1]);
  assert.ok(generation < 15, `it is the answer number ${generation}: those who left were served before it`);
});

test("what is past its deadline is not computed: 504, and whoever is behind it has the place", async () => {
  const server = await startServer({ MAX_BATCH: "1" });
  const inTime = { "x-request-deadline-ms": "60000" };
  const late = Array.from({ length: 20 }, () => ask(long, { "x-request-deadline-ms": "100" }, server.url));
  const refusals = await Promise.all((await Promise.all(late)).map(errorOf));
  assert.ok(refusals.every(({ status, code }) => status === 504 && code === "deadline_exceeded"));
  const answer = await ask({ model: "llama-3-8b", messages: [question] }, inTime, server.url);
  assert.match(answer.headers.get("x-provenance") ?? "", /generation=1;/);
});

test("a stream that is past its deadline is cut off", async () => {
  const endless = { ...long, stream: true, messages: [{ role: "user", content: "x".repeat(100) }] };
  const server = await startServer({ MAX_BATCH: "1" });
  const whole = await (await ask(endless, {}, server.url)).text();
  assert.ok(whole.endsWith("data: [DONE]\n\n"));
  // A busy machine may let one through its deadline, or not to its first token.
  const ends = [];
  for (let i = 0; i < 5; i += 1) {
    const cut = await ask(endless, { "x-request-deadline-ms": "40" }, server.url);
    ends.push(
      await cut.text().then(
        () => cut.status,
        () => "cut off",
      ),
    );
  }
  assert.ok(ends.includes("cut off"), ends.join());
});

test("a client that leaves in the middle of its body harms nobody", async () => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
  socket.destroy();
  assert.equal((await ask({ model: "llama-3-8b", messages: [question] })).status, 200);
});

test("SIGTERM stops the server with requests under way, and losing stdin does not", async () => {
  const { url: ofServer, child } = await startServer();
  child.stdin?.end();
  assert.equal((await ask({ model: "llama-3-8b", messages: [question] }, {}, ofServer)).status, 200);
  const underWay = ask(long, {}, ofServer);
  const ended = assert.rejects(underWay);
  await fetch(`${ofServer}/health/live`);
  child.kill("SIGTERM");
  const [code, signal] = await once(child, "exit");
  assert.deepEqual([code, signal], [0, null]);
  await ended;
});

test("a wrong configuration is told whole, and nothing is started", async () => {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, PORT: "http", MAX_BATCH: "0" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  started.push(child);
  let told = "";
  child.stderr?.on("data", (data) => {
    told += String(data);
  });
  const [code] = await once(child, "close");
  assert.equal(code, 1);
  assert.match(told, /PORT "http"/);
  assert.match(told, /MAX_BATCH "0"/);
});

test("the openai client gets embeddings, in base64 as it asks by itself, and as numbers", async () => {
  const input = ["How deep is the harbour?", "Who pays?"];
  const expected = input.map((text) => [...embeddingVector("embed-256", "1", text, 256)]);
  for (const encoding of [{}, { encoding_format: "float" as const }]) {
    const { data, response } = await client.embeddings
      .create({ model: "embed-256", input, ...encoding })
      .withResponse();
    assert.deepEqual(
      data.data.map(({ index, embedding }) => [index, embedding]),
      expected.map((vector, index) => [index, vector]),
    );
    assert.deepEqual(data.usage, { prompt_tokens: 9, total_tokens: 9 });
    assert.match(
      response.headers.get("x-provenance") ?? "",
      /^tenant=public;epoch=1;generation=\d+;at=\d{13}$/,
    );
  }
  const short = await client.embeddings.create({ model: "embed-256", input: "hi", dimensions: 8 });
  assert.deepEqual(short.data[0]?.embedding, [...embeddingVector("embed-256", "1", "hi", 8)]);
});

test("embeddings that cannot be made are refused", async () => {
  const embed = async (body: unknown) =>
    errorOf(await fetch(`${url}/v1/embeddings`, { method: "POST", body: JSON.stringify(body) }));
  const model = "embed-256";
  assert.deepEqual(await embed({ model: "m", input: "x" }), {
    ...{ status: 404, code: "model_not_found", param: "model" },
  });
  for (const input of ["", [], [""], [1, 2], [[1]], 7, undefined])
    assert.deepEqual((await embed({ model, input })).code, "invalid_request", JSON.stringify(input));
  assert.equal((await embed({ model, input: "x", dimensions: 257 })).param, "dimensions");
  assert.equal((await embed({ model, input: ["x", "y ".repeat(20_000)] })).code, "context_length_exceeded");
});
