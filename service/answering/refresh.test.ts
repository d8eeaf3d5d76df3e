import assert from "node:assert/strict";
import { test } from "node:test";
import { type RefreshReason, type RefreshResult, refreshes } from "./refresh.ts";

function world(limit: number) {
  const results: [RefreshReason, RefreshResult][] = [];
  const stopping = new AbortController();
  const behind = refreshes({
    limit,
    stopping: stopping.signal,
    onResult: (...result) => results.push(result),
  });
  return { behind, results, stopping };
}
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test("no more than the limit are under way; one that ended, however it did, makes room", async () => {
  const { behind, results } = world(2);
  const gates = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  let begun = 0;
  const begin = () => {
    const gate = gates[begun++];
    return gate?.promise ?? Promise.resolve();
  };
  for (let i = 0; i < 5; i++) behind("revalidate", begin);
  assert.equal(begun, 2);
  assert.deepEqual(results, Array(3).fill(["revalidate", "limit"]));
  gates[0]?.resolve();
  gates[1]?.reject(new Error("boom"));
  await settled();
  behind("early", begin);
  assert.equal(begun, 3);
  gates[2]?.resolve();
  await settled();
  assert.deepEqual(results.slice(3), [
    ["revalidate", "ok"],
    ["revalidate", "failed"],
    ["early", "ok"],
  ]);
});

test("refreshes are told when the service stops", async () => {
  const { behind, stopping } = world(1);
  const told = Promise.withResolvers<void>();
  behind("revalidate", (signal) => {
    signal.addEventListener("abort", () => told.resolve());
    return told.promise;
  });
  stopping.abort();
  await told.promise;
});
