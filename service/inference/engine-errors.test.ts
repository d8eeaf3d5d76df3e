import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { requestFor } from "../testing/service-under-test.ts";
import { EngineFailure, EngineRefusal } from "./engine.ts";
import { openaiHttpEngine } from "./openai-http.ts";

interface Reply {
  readonly status: number;
  readonly retryAfter?: string | undefined;
  readonly code?: string;
}

/** What asking an engine that replies so is rejected with, and where it was asked. */
async function askedOf({ status, retryAfter, code = "code" }: Reply, path = "") {
  const paths: (string | undefined)[] = [];
  const server = createServer((req, res) => {
    paths.push(req.url);
    if (retryAfter !== undefined) res.setHeader("retry-after", retryAfter);
    res.writeHead(status).end(JSON.stringify({ error: { code, message: "sesame" } }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    return { thrown: await ask(new URL(`http://127.0.0.1:${port}${path}`)), paths };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function ask(url: URL): Promise<unknown> {
  const facts = { tenant: "public", priority: "normal", deadline: undefined, onDelta: undefined } as const;
  const engine = openaiHttpEngine({ url, maxResponseBytes: 10_000 });
  return engine.answer({ ...facts, request: requestFor("x") }, new AbortController().signal).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}

for (const [status, retryable, overloaded] of [
  [401, false, false],
  [403, false, false],
  [404, false, false],
  [408, true, false],
  [429, true, true],
  [500, true, false],
  [501, false, false],
  [502, true, false],
  [503, true, true],
  [504, true, false],
] as const) {
  test(`${status} is a failure; it ${retryable ? "may pass" : "stays"}${overloaded ? ", and says that there is too much to do" : ""}`, async () => {
    const { thrown } = await askedOf({ status });
    assert(thrown instanceof EngineFailure);
    assert.deepEqual([thrown.retryable, thrown.overloaded], [retryable, overloaded]);
    assert.doesNotMatch(thrown.message, /sesame/);
  });
}

test("an engine that is not there may come", async () => {
  const thrown = await ask(new URL("http://127.0.0.1:1"));
  assert(thrown instanceof EngineFailure);
  assert.deepEqual([thrown.retryable, thrown.overloaded], [true, false]);
});

for (const status of [400, 413, 422]) {
  test(`${status} is a refusal, with the engine's code where it is one`, async () => {
    for (const [code, told] of [
      ["context_length", "context_length"],
      ["Sesame, open!", null],
    ] as const) {
      const { thrown } = await askedOf({ status, code });
      assert(thrown instanceof EngineRefusal);
      assert.deepEqual([thrown.status, thrown.code], [status, told]);
      assert.doesNotMatch(thrown.message, /sesame/);
    }
  });
}

test("Retry-After is seconds or a date, and no more than an hour; what is neither says nothing", async (t) => {
  t.mock.method(Date, "now", () => Date.parse("Thu, 26 Nov 2026 13:00:00 GMT"));
  for (const [retryAfter, ms] of [
    ["7", 7000],
    ["0", 0],
    ["Thu, 26 Nov 2026 13:01:00 GMT", 60_000],
    ["Thu, 26 Nov 2026 12:00:00 GMT", 0],
    ["Fri, 27 Nov 2026 13:00:00 GMT", 3_600_000],
    ["99999", 3_600_000],
    ["soon", undefined],
    [undefined, undefined],
  ] as const) {
    const { thrown } = await askedOf({ status: 503, retryAfter });
    assert(thrown instanceof EngineFailure);
    assert.equal(thrown.retryAfterMs, ms, retryAfter);
  }
});

test("an engine's address may have a path, with or without a slash at its end", async () => {
  for (const [path, asked] of [
    ["", "/v1/chat/completions"],
    ["/", "/v1/chat/completions"],
    ["/llama", "/llama/v1/chat/completions"],
    ["/llama/", "/llama/v1/chat/completions"],
  ] as const) {
    assert.deepEqual((await askedOf({ status: 500 }, path)).paths, [asked]);
  }
});
