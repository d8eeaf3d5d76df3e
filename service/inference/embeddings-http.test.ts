import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { openaiHttpEmbeddings } from "./embeddings-http.ts";
import { EngineFailure } from "./engine.ts";

const { signal } = new AbortController();
const floats = (...values: number[]) => Float32Array.from(values);
const base64 = (...values: number[]) => Buffer.from(floats(...values).buffer).toString("base64");

/** Asks for the embeddings of two inputs from a server that answers so. */
async function askFor(reply: unknown) {
  const bodies: unknown[] = [];
  const server = createServer(async (req, res) => {
    bodies.push(JSON.parse(await text(req)));
    res.setHeader("x-provenance", "here");
    res.end(JSON.stringify(reply));
  }).listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const engine = openaiHttpEmbeddings({
      url: new URL(`http://127.0.0.1:${port}`),
      maxResponseBytes: 10_000,
    });
    const call = {
      request: { model: "m", dimensions: 2 },
      inputs: ["a", "b"],
      tenant: "t",
      priority: "normal",
      deadline: undefined,
    } as const;
    return { made: await engine.embed(call, signal), bodies };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("vectors come in base64 or as numbers, in whatever order, and are given in that of the inputs", async () => {
  for (const [one, two] of [
    [base64(1, 2), base64(3, 4)],
    [
      [1, 2],
      [3, 4],
    ],
  ]) {
    const data = [
      { index: 1, embedding: two },
      { index: 0, embedding: one },
    ];
    const { made, bodies } = await askFor({ data, usage: { prompt_tokens: 7, total_tokens: 7 } });
    assert.deepEqual(made, { vectors: [floats(1, 2), floats(3, 4)], promptTokens: 7, provenance: "here" });
    assert.deepEqual(bodies, [{ model: "m", dimensions: 2, input: ["a", "b"], encoding_format: "base64" }]);
  }
});

test("what is not one sound vector an input is the engine's failure", async () => {
  const sound = { index: 0, embedding: [1, 2] };
  for (const data of [
    [sound],
    [sound, { index: 1, embedding: [1] }],
    [sound, { index: 0, embedding: [3, 4] }],
    [sound, { index: 1, embedding: base64(1, Number.NaN) }],
    [sound, { index: 1, embedding: [1, 1e300] }],
    [
      { index: 0, embedding: "" },
      { index: 1, embedding: "" },
    ],
    [sound, { index: 1, embedding: "!!!! no base64 &" }],
    [sound, { index: 1, embedding: Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9]).toString("base64") }],
    undefined,
  ])
    await assert.rejects(askFor({ data }), EngineFailure, JSON.stringify(data));
});

test("usage may be missing; one that is none is the engine's failure", async () => {
  const data = [0, 1].map((index) => ({ index, embedding: [1, 2] }));
  for (const usage of [null, undefined]) assert.equal((await askFor({ data, usage })).made.promptTokens, 0);
  await assert.rejects(askFor({ data, usage: { prompt_tokens: -5 } }), EngineFailure);
});
