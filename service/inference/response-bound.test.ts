import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { requestFor } from "../testing/service-under-test.ts";
import { openaiHttpEmbeddings } from "./embeddings-http.ts";
import { EngineFailure, EngineRefusal, ResponseTooLarge } from "./engine.ts";
import { openaiHttpEngine } from "./openai-http.ts";

const maxResponseBytes = 100_000;
const facts = { tenant: "public", priority: "normal", deadline: undefined } as const;
const { signal } = new AbortController();

/** An engine whose responses are as `write` makes them, asked in each way there is. */
async function engineOf(write: (res: ServerResponse) => void) {
  const closed: Promise<unknown>[] = [];
  const server = createServer((req, res) => {
    req.resume();
    closed.push(new Promise((resolve) => req.socket.once("close", resolve)));
    write(res);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const api = { url: new URL(`http://127.0.0.1:${port}`), maxResponseBytes };
  const chat = openaiHttpEngine(api);
  const request = requestFor("x");
  return {
    /** Each call's connection, once it is closed. */
    closed,
    plain: () => chat.answer({ ...facts, request, onDelta: undefined }, signal),
    streamed: () => chat.answer({ ...facts, request, onDelta: () => undefined }, signal),
    embeddings: () =>
      openaiHttpEmbeddings(api).embed({ ...facts, request: { model: "m" }, inputs: ["a"] }, signal),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const ways = ["plain", "streamed", "embeddings"] as const;
const tooLarge = (thrown: unknown) => thrown instanceof ResponseTooLarge;

/** Sends this without end, as fast as it is taken. */
function endless(text: string, onPiece = () => {}) {
  return (res: ServerResponse) => {
    function* pieces() {
      for (;;) {
        onPiece();
        yield text;
      }
    }
    Readable.from(pieces()).pipe(res);
    res.once("error", () => undefined);
  };
}

const event = `data: ${JSON.stringify({ choices: [{ delta: { content: "on and on" } }] })}\n\n`;
for (const [what, text] of [
  ["events", event.repeat(100)],
  ["one line", "x".repeat(10_000)],
  ["lines of one event", `data: ${"x".repeat(10_000)}\n`],
] as const) {
  test(`an engine that sends ${what} without end is left, with its connection`, async () => {
    let sentBytes = 0;
    const count = () => {
      sentBytes += text.length;
    };
    await using engine = await engineOf(endless(text, count));
    for (const way of ways) await assert.rejects(engine[way](), tooLarge, way);
    assert.equal((await Promise.all(engine.closed)).length, ways.length);
    // At once, so that no more than the sockets hold was sent in vain.
    assert(sentBytes < ways.length * 20_000_000, `${sentBytes} bytes`);
  });
}

const overloaded = (thrown: unknown) => thrown instanceof EngineFailure && thrown.overloaded;
const refused = (thrown: unknown) => thrown instanceof EngineRefusal && thrown.code === null;
for (const [status, told] of [
  [503, overloaded],
  [422, refused],
] as const) {
  test(`of a ${status} whose body has no end or breaks off, its status counts`, async () => {
    const ends = (res: ServerResponse) => endless("x".repeat(10_000))(res.writeHead(status));
    const breaks = (res: ServerResponse) => res.writeHead(status).write("{", () => res.destroy());
    for (const write of [ends, breaks]) {
      await using engine = await engineOf(write);
      for (const way of ways) await assert.rejects(engine[way](), told, way);
      await Promise.all(engine.closed);
    }
  });
}

test("a small response that decodes to a large one is large", async () => {
  const packed = gzipSync("x".repeat(10 * maxResponseBytes));
  assert(packed.length < maxResponseBytes / 10);
  await using engine = await engineOf((res) => {
    res.writeHead(200, { "content-encoding": "gzip" }).end(packed);
  });
  for (const way of ways) await assert.rejects(engine[way](), tooLarge, way);
});

test("a response of just as much as may be is taken, one byte more is not", async () => {
  const answer = { choices: [{ message: { content: "well" }, finish_reason: "stop" }] };
  for (const [bytes, taken] of [
    [maxResponseBytes, true],
    [maxResponseBytes + 1, false],
  ] as const) {
    await using engine = await engineOf((res) => void res.end(JSON.stringify(answer).padEnd(bytes)));
    if (taken) assert.equal((await engine.plain()).content, "well");
    else await assert.rejects(engine.plain(), tooLarge);
  }
});
