import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { test } from "node:test";
import { Agent, fetch } from "undici";
import { z } from "zod";
import { startModelStub, stubAnswer } from "../testing/model-stub.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor } from "../testing/service-under-test.ts";
import { EngineFailure } from "./engine.ts";
import { openaiHttpEngine } from "./openai-http.ts";

const maxResponseBytes = 100_000;
/** What undici's own tests have time pass by, for its timeouts. */
const { tick } = z
  .object({ tick: z.custom<(ms: number) => void>((value) => typeof value === "function") })
  .parse(createRequire(import.meta.url)("undici/lib/util/timers.js"));

function passMs(ms: number): void {
  // What was set since it last looked begins with a look.
  tick(1000);
  tick(ms);
}

const chunk = (delta: object, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ delta, finish_reason }] })}\n\n`;
const done = "data: [DONE]\n\n";

/** An engine whose streams are as `write` makes them, and through how many connections it was called how often. */
async function streaming(write: (res: ServerResponse) => void) {
  let connections = 0;
  let requests = 0;
  const server = createServer((req, res) => {
    requests++;
    req.resume();
    res.writeHead(200, { "content-type": "text/event-stream" });
    write(res);
  }).listen(0, "127.0.0.1");
  server.on("connection", () => connections++);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const url = new URL(`http://127.0.0.1:${port}`);
  const engine = openaiHttpEngine({ url, maxResponseBytes });
  return {
    url,
    connections: () => connections,
    requests: () => requests,
    answer: (
      onDelta: (delta: { text: string }) => void = () => undefined,
      signal = new AbortController().signal,
    ) =>
      engine.answer(
        {
          ...{ request: requestFor("x"), tenant: "public", priority: "normal", deadline: undefined },
          onDelta,
        },
        signal,
      ),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test("the HTTP client has no timeout of its own: BW_TIMEOUT=off is without any", async () => {
  const byDefaultMs = 300_000;
  const asked = Promise.withResolvers<void>();
  const head = Promise.withResolvers<void>();
  const body = Promise.withResolvers<void>();
  await using engine = await streaming(async (res) => {
    asked.resolve();
    await head.promise;
    res.write(chunk({ content: "well" }));
    await body.promise;
    res.end(chunk({}, "stop") + done);
  });
  const usual = fetch(engine.url, { method: "POST", dispatcher: new Agent() });
  await asked.promise;
  passMs(2 * byDefaultMs);
  await assert.rejects(usual, /fetch failed/);

  const answer = engine.answer(() => {
    passMs(2 * byDefaultMs);
    body.resolve();
  });
  await eventually(() => engine.requests() === 2);
  passMs(2 * byDefaultMs);
  head.resolve();
  assert.equal((await answer).content, "well");
});

test("what is asked for is a whole answer or a stream with its usage, whatever the caller asked for", async () => {
  await using model = await startModelStub();
  const engine = openaiHttpEngine({ url: new URL(model.url), maxResponseBytes });
  const asked = requestFor("x");
  const request = { ...asked, stream: true, stream_options: { include_usage: false } };
  const facts = { request, tenant: "public", priority: "normal", deadline: undefined } as const;
  const { signal } = new AbortController();
  const whole = await engine.answer({ ...facts, onDelta: undefined }, signal);
  const streamed = await engine.answer({ ...facts, onDelta: () => undefined }, signal);
  assert.deepEqual([whole.content, streamed.content], [stubAnswer(1), stubAnswer(2)]);
  assert.deepEqual(model.requests, [
    asked,
    { ...asked, stream: true, stream_options: { include_usage: true } },
  ]);
});

test("an engine is told what is left and a moment more: the 504 at the deadline is the service's own", async () => {
  await using model = await startModelStub();
  const engine = openaiHttpEngine({ url: new URL(model.url), maxResponseBytes });
  const facts = {
    request: requestFor("x"),
    tenant: "public",
    priority: "normal",
    onDelta: undefined,
  } as const;
  for (const leftMs of [2000, 0.3, 0]) {
    await engine.answer({ ...facts, deadline: { remainingMs: () => leftMs } }, new AbortController().signal);
  }
  await engine.answer({ ...facts, deadline: undefined }, new AbortController().signal);
  assert.deepEqual(model.deadlines, [2100, 101, 100, undefined]);
});

test("streams whose end comes after their last event leave the connection to the next", async () => {
  await using engine = await streaming((res) => {
    res.write(chunk({ content: "well" }) + chunk({}, "stop") + done);
    setTimeout(() => res.end(), 5);
  });
  for (let i = 0; i < 6; i++) {
    assert.equal((await engine.answer()).content, "well");
    // Its end comes meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(engine.connections(), 1);
});

test("a stream that never ends after its last event answers all the same, and does not keep its connection", async () => {
  const closed: Promise<unknown>[] = [];
  await using engine = await streaming((res) => {
    closed.push(once(res, "close"));
    res.write(chunk({ content: "well" }) + chunk({}, "stop") + done);
  });
  assert.equal((await engine.answer()).content, "well");
  await Promise.all(closed);
});

for (const [how, text] of [
  ["ends without [DONE]", chunk({ content: "half" }) + chunk({}, "stop")],
  ["ends in the middle", chunk({ content: "half" })],
  ["says [DONE] without a finish_reason", chunk({ content: "half" }) + done],
] as const) {
  test(`a stream that ${how} is no whole answer, however cleanly it ends`, async () => {
    await using engine = await streaming((res) => res.end(text));
    await assert.rejects(engine.answer(), (thrown) => thrown instanceof EngineFailure && thrown.retryable);
  });
}

test("the usage may come with any event of a stream, also before its last", async () => {
  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
  const counted = `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
  const [text, end] = [chunk({ content: "well" }), chunk({}, "stop")];
  for (const events of [
    [counted, text, end],
    [text, counted, end],
    [text, end, counted],
  ]) {
    await using engine = await streaming((res) => res.end(events.join("") + done));
    assert.deepEqual((await engine.answer()).usage, usage);
  }
});

test("pieces that come after the call was given up reach nobody", async () => {
  await using engine = await streaming((res) => {
    const pieces = ["one", "two", "three"].map((content) => chunk({ content }));
    res.end(pieces.join("") + chunk({}, "stop") + done);
  });
  const caller = new AbortController();
  const gaveUp = new Error("gave up");
  const pieces: string[] = [];
  const onDelta = ({ text }: { text: string }) => {
    pieces.push(text);
    caller.abort(gaveUp);
  };
  await assert.rejects(engine.answer(onDelta, caller.signal), gaveUp);
  assert.deepEqual(pieces, ["one"]);
});

test("what is no event of a completion is the engine's failure, and the connection is not kept", async () => {
  const closed: Promise<unknown>[] = [];
  await using engine = await streaming((res) => {
    closed.push(once(res, "close"));
    res.write("data: sesame\n\n");
  });
  await assert.rejects(engine.answer(), EngineFailure);
  await Promise.all(closed);
});

test("a stream of more than the one choice that was asked for is the engine's failure", async () => {
  const other = { index: 1, delta: { content: "another" } };
  const own = { index: 0, delta: { content: "own" } };
  for (const choices of [[other], [other, own]]) {
    const events = `data: ${JSON.stringify({ choices })}\n\n${chunk({}, "stop")}${done}`;
    await using engine = await streaming((res) => res.end(events));
    await assert.rejects(engine.answer(), EngineFailure);
  }
});
