import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { eventData } from "./event-stream.ts";

test("events are the same however the bytes are cut", async () => {
  const text = ': comment\r\n\r\ndata: {"a":"ü€😀"}\n\nevent: x\ndata:one\ndata: two\n\ndata: [DONE]\r\n\r\n';
  const bytes = new TextEncoder().encode(text);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: bytes.length - 1 })), async (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      async function* body() {
        for (const [i, edge] of edges.entries()) yield bytes.subarray(edge, edges[i + 1]);
      }
      const events: string[] = [];
      for await (const data of eventData(body())) events.push(data);
      assert.deepEqual(events, ['{"a":"ü€😀"}', "one\ntwo", "[DONE]"]);
    }),
  );
});

test("an event that is not ended by an empty line is not one", async () => {
  async function* body() {
    yield new TextEncoder().encode('data: whole\n\ndata: {"half"');
  }
  const events: string[] = [];
  for await (const data of eventData(body())) events.push(data);
  assert.deepEqual(events, ["whole"]);
});
