import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Sequence } from "./batching.ts";
import { createModelServer } from "./server.ts";

/** A model server whose engine gets to nothing, and what the engine still has to do. */
async function stuckServer() {
  const queued = new Set<Sequence>();
  const server = createModelServer({
    engine: {
      submit: (sequence) => void queued.add(sequence),
      cancel: (sequence) => void queued.delete(sequence),
      queued: () => 0,
    },
    ...{ model: "m", embeddingsModel: "e", version: "1", contextTokens: 1000, maxQueue: 10 },
    provenance: () => "here",
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    queued,
    embed: (headers: Record<string, string>, signal?: AbortSignal) =>
      fetch(`http://127.0.0.1:${port}/v1/embeddings`, {
        method: "POST",
        headers,
        body: JSON.stringify({ model: "e", input: ["a", "b"] }),
        signal: signal ?? null,
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function emptied(queued: ReadonlySet<unknown>): Promise<void> {
  while (queued.size > 0) await turn();
}

test("embeddings that are past their deadline are not made: 504, and none of their inputs is read", async () => {
  await using server = await stuckServer();
  const response = await server.embed({ "x-request-deadline-ms": "50" });
  const { error } = JSON.parse(await response.text());
  assert.deepEqual([response.status, error.code], [504, "deadline_exceeded"]);
  await emptied(server.queued);
  assert.equal((await server.embed({ "x-request-deadline-ms": "soon" })).status, 400);
});

test("a client that leaves takes all of its inputs with it", async () => {
  await using server = await stuckServer();
  const caller = new AbortController();
  const left = server.embed({}, caller.signal);
  while (server.queued.size < 2) await turn();
  caller.abort(new Error("left"));
  await assert.rejects(left, /left/);
  await emptied(server.queued);
});
