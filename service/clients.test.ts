import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, streamText } from "ai";
import OpenAI from "openai";
import { dependencies, freshQuestion } from "./testing/dependencies.ts";
import { stubAnswer } from "./testing/model-stub.ts";
import { eventually } from "./testing/redis-cluster.ts";
import type { ServiceUnderTest } from "./testing/service-under-test.ts";

const given = dependencies();

const model = "llama-3-8b";

/** What a client made of an answer. */
interface Told {
  readonly text: string;
  readonly finishReason: string;
  readonly totalTokens: number | undefined;
  readonly cache: string | null;
}

/** What a client made of an error: what a program can act on. */
interface Failed {
  readonly status: number | undefined;
  readonly code: unknown;
  readonly retryAfter: string | null | undefined;
}

/** A client of the OpenAI API that is not ours, used as its documentation says. */
interface Client {
  plain(question: string, signal?: AbortSignal): Promise<Told>;
  stream(question: string, onPiece?: () => void, signal?: AbortSignal): Promise<Told>;
  failed(thrown: unknown): Failed;
}

type Connect = (service: ServiceUnderTest, asModel?: string) => Client;

const official: Connect = ({ url }, asModel = model) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
  const body = (content: string) => ({
    model: asModel,
    messages: [{ role: "user" as const, content }],
    temperature: 0,
  });
  return {
    async plain(question, signal) {
      const asked = client.chat.completions.create(body(question), { signal: signal ?? null });
      const { data, response } = await asked.withResponse();
      const [choice] = data.choices;
      return {
        text: choice?.message.content ?? "",
        finishReason: choice?.finish_reason ?? "",
        totalTokens: data.usage?.total_tokens,
        cache: response.headers.get("x-cache"),
      };
    },
    async stream(question, onPiece, signal) {
      const asked = client.chat.completions.create(
        { ...body(question), stream: true, stream_options: { include_usage: true } },
        { signal: signal ?? null },
      );
      const { data, response } = await asked.withResponse();
      let text = "";
      let finishReason = "";
      let totalTokens: number | undefined;
      for await (const { choices, usage } of data) {
        const piece = choices[0]?.delta.content ?? "";
        text += piece;
        finishReason = choices[0]?.finish_reason ?? finishReason;
        totalTokens = usage?.total_tokens ?? totalTokens;
        if (piece !== "") onPiece?.();
      }
      return { text, finishReason, totalTokens, cache: response.headers.get("x-cache") };
    },
    failed(thrown) {
      assert(thrown instanceof OpenAI.APIError, String(thrown));
      return { status: thrown.status, code: thrown.code, retryAfter: thrown.headers?.get("retry-after") };
    },
  };
};

const aiSdk: Connect = ({ url }, asModel = model) => {
  const provider = createOpenAICompatible({
    name: "breakwater",
    baseURL: `${url}/v1`,
    apiKey: "any",
    includeUsage: true,
  });
  const asking = (prompt: string, abortSignal: AbortSignal | undefined) => ({
    model: provider(asModel),
    prompt,
    temperature: 0,
    maxRetries: 0,
    ...(abortSignal && { abortSignal }),
  });
  return {
    async plain(question, signal) {
      const { text, finishReason, usage, response } = await generateText(asking(question, signal));
      const cache = response.headers?.["x-cache"] ?? null;
      return { text, finishReason, totalTokens: usage.totalTokens, cache };
    },
    async stream(question, onPiece, signal) {
      const asked = streamText({ ...asking(question, signal), onError: () => undefined });
      let text = "";
      for await (const part of asked.fullStream) {
        if (part.type === "error") throw part.error;
        if (part.type === "abort") signal?.throwIfAborted();
        if (part.type !== "text-delta") continue;
        text += part.text;
        onPiece?.();
      }
      const [finishReason, usage, response] = await Promise.all([
        asked.finishReason,
        asked.usage,
        asked.response,
      ]);
      const cache = response.headers?.["x-cache"] ?? null;
      return { text, finishReason, totalTokens: usage.totalTokens, cache };
    },
    failed(thrown) {
      assert(APICallError.isInstance(thrown), String(thrown));
      return {
        status: thrown.statusCode,
        code: JSON.parse(thrown.responseBody ?? "{}").error?.code,
        retryAfter: thrown.responseHeaders?.["retry-after"] ?? null,
      };
    },
  };
};

const clients: readonly (readonly [name: string, connect: Connect])[] = [
  ["openai", official],
  ["@ai-sdk/openai-compatible", aiSdk],
];

for (const [name, connect] of clients) {
  test(`${name}: plain and streamed, asked anew and from the cache`, async () => {
    await using service = await given.start();
    const client = connect(service);
    const ways = [client.plain, client.stream];
    for (const [i, first] of ways.entries()) {
      const question = freshQuestion();
      const made = await first(question);
      const n = i + 1;
      const told = { text: stubAnswer(n), finishReason: "stop", totalTokens: 3 + n };
      assert.deepEqual(made, { ...told, cache: "miss" });
      await eventually(async () => (await client.plain(question)).cache === "hit");
      for (const again of ways) assert.deepEqual(await again(question), { ...told, cache: "hit" });
    }
    assert.equal(given.model.requests.length, ways.length);
  });

  test(`${name}: a stale answer is an answer like any other, while the model is gone and while it is asked`, async () => {
    for (const revalidate of ["on", "off"]) {
      await using service = await given.start({
        ...{ BW_CACHE_FRESH_MS: "1", BW_EARLY_REFRESH: "off", BW_STALE_WHILE_REVALIDATE: revalidate },
      });
      const client = connect(service);
      const question = freshQuestion();
      given.model.mode = "ok";
      await given.askAndStore(service, question);
      await delay(5);
      given.model.mode = "error";
      const { text } = await client.plain(question);
      assert.match(text, /^Answer number/);
      assert.equal((await client.stream(question)).text, text);
    }
  });

  test(`${name}: errors come with their status, code and Retry-After`, async () => {
    await using service = await given.start({
      ...{ BW_RETRY: "off", BW_MODEL_CONCURRENCY: "1", BW_MODEL_QUEUE: "0", BW_ADAPTIVE: "off" },
      ...{ BW_DEADLINE_MS: "1500", BW_MODEL_TIMEOUT_MS: "1400" },
    });
    const client = connect(service);
    const failing = async (asked: Promise<unknown>): Promise<Failed> =>
      asked.then(() => assert.fail("it was answered"), client.failed);
    given.model.mode = "error";
    for (const way of [client.plain, client.stream]) {
      given.model.errorStatus = 500;
      assert.deepEqual(await failing(way(freshQuestion())), {
        status: 502,
        code: "model_failed",
        retryAfter: "1",
      });
      given.model.errorStatus = 400;
      const refused = await failing(way(freshQuestion()));
      assert.deepEqual([refused.status, refused.code], [400, "context_length"]);
    }
    const unknown = await failing(connect(service, "gpt-9").plain(freshQuestion()));
    assert.deepEqual([unknown.status, unknown.code], [404, "model_not_found"]);

    given.model.mode = "silent";
    const before = given.model.requests.length;
    const busy = failing(client.plain(freshQuestion()));
    await eventually(() => given.model.requests.length === before + 1);
    assert.deepEqual(await failing(client.stream(freshQuestion())), {
      status: 503,
      code: "overloaded",
      retryAfter: "1",
    });
    assert.equal((await busy).status, 504);
  });

  test(`${name}: a stream that breaks off is an error, and no short answer`, async () => {
    await using service = await given.start();
    given.model.mode = "break-stream";
    await assert.rejects(connect(service).stream(freshQuestion()));
  });

  test(`${name}: a caller that aborts ends the model's work, plain or in the middle of a stream`, async () => {
    await using service = await given.start({ BW_DEADLINE_MS: "30000", BW_MODEL_TIMEOUT_MS: "20000" });
    const client = connect(service);
    given.model.held = new Promise(() => undefined);
    const plain = new AbortController();
    const leaving = assert.rejects(client.plain(freshQuestion(), plain.signal));
    await eventually(() => given.model.requests.length === 1);
    plain.abort();
    await leaving;
    await eventually(() => given.model.abandoned === 1);

    const stream = new AbortController();
    await assert.rejects(
      client
        .stream(freshQuestion(), () => stream.abort(), stream.signal)
        .then((told) => {
          // The official client ends the iteration in place of throwing.
          assert.notEqual(told.finishReason, "stop");
          stream.signal.throwIfAborted();
        }),
    );
    await eventually(() => given.model.abandoned === 2);
    // It is nobody's failure.
    const cancelled = 'dependency_calls_total{dependency="model",outcome="cancelled"}';
    await eventually(async () => (await service.metric(cancelled)) === 2);
  });
}

test("openai: the models that are served", async () => {
  await using service = await given.start();
  const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: "any", maxRetries: 0 });
  const served = await client.models.list();
  assert(served.data.some(({ id }) => id === model));
  assert.deepEqual(await client.models.retrieve(model), served.data[0]);
  await assert.rejects(client.models.retrieve("gpt-9"), { status: 404, code: "model_not_found" });
});

test("openai: a conversation in which tools were called, and which asks for a text now", async () => {
  await using service = await given.start();
  const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: "any", maxRetries: 0 });
  const called = { id: "call-1", type: "function" as const, function: { name: "clock", arguments: "{}" } };
  const { choices } = await client.chat.completions.create({
    model,
    messages: [
      { role: "user", content: freshQuestion() },
      { role: "assistant", content: null, tool_calls: [called] },
      { role: "tool", tool_call_id: called.id, content: "12:00" },
    ],
    tools: [{ type: "function", function: { name: "clock" } }],
    tool_choice: "none",
    logprobs: false,
  });
  assert.equal(choices[0]?.message.content, stubAnswer(1));
});

test("@ai-sdk/openai-compatible: the same, as it writes it", async () => {
  await using service = await given.start();
  const provider = createOpenAICompatible({
    name: "breakwater",
    baseURL: `${service.url}/v1`,
    apiKey: "any",
  });
  const call = { toolCallId: "call-1", toolName: "clock" };
  const { text } = await generateText({
    model: provider(model),
    messages: [
      { role: "user", content: freshQuestion() },
      { role: "assistant", content: [{ type: "tool-call", ...call, input: {} }] },
      { role: "tool", content: [{ type: "tool-result", ...call, output: { type: "text", value: "12:00" } }] },
    ],
    maxRetries: 0,
  });
  assert.equal(text, stubAnswer(1));
});
