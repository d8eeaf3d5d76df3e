import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { after, test } from "node:test";
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { startModelStub, stubAnswer } from "../testing/model-stub.ts";
import { requestFor } from "../testing/service-under-test.ts";
import { EngineFailure } from "./engine.ts";
import { openaiHttpEngine } from "./openai-http.ts";

const maxResponseBytes = 100_000;
const usual = getGlobalDispatcher();
after(() => setGlobalDispatcher(usual));

test("the HTTP client has no timeout of its own: BW_TIMEOUT=off is without any", async () => {
  // Its defaults, 5 min, made short enough to be seen: whoever relies on them fails.
  setGlobalDispatcher(new Agent({ headersTimeout: 100, bodyTimeout: 100 }));
  await using model = await startModelStub();
  // undici looks at its timeouts about once a second.
  model.delayMs = 2500;
  await assert.rejects(fetch(model.url, { method: "POST", body: "{}" }), "the defaults are short now");
  const { content } = await openaiHttpEngine({ url: new URL(model.url), maxResponseBytes }).answer(
    {
      request: requestFor("x"),
      tenant: "public",
      priority: "normal",
      deadline: undefined,
      onDelta: undefined,
    },
    new AbortController().signal,
  );
  assert.equal(content, stubAnswer(2));
});

const chunk = (delta: object, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ delta, finish_reason }] })}\n\n`;
const done = "data: [DONE]\n\n";

/** An engine whose streams are as `write` makes them, and how many connections it was called through. */
async function streaming(write: (res: ServerResponse) => void) {
  let connections = 0;
  const server = createServer((req, res) => {
    req.resume();
    res.writeHead(200, { "content-type": "text/event-stream" });
    write(res);
  }).listen(0, "127.0.0.1");
  server.on("connection", () => connections++);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const engine = openaiHttpEngine({ url: new URL(`http://127.0.0.1:${port}`), maxResponseBytes });
  return {
    connections: () => connections,
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
