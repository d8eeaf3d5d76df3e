import assert from "node:assert/strict";
import { test } from "node:test";
import { newTrail, type Trail } from "../answering/answering.ts";
import { startService } from "../testing/service-under-test.ts";
import { setTrail } from "./trail-headers.ts";

function headersOf(trail: Partial<Trail>, provenance?: string): Record<string, string> {
  const headers: Record<string, string> = {};
  const setHeader = (name: string, value: string) => (headers[name] = value);
  setTrail({ setHeader }, { ...newTrail(), ...trail }, provenance);
  return headers;
}

test("how an answer came about is told in headers, its age in whole seconds", () => {
  assert.deepEqual(
    headersOf(
      {
        ...{ key: "k", cache: "hit", tier: "memory", ageMs: 2999, stale: "if-error" },
        ...{ coalesced: "cluster", degraded: new Set(["redis", "model"]) },
      },
      "generation=1",
    ),
    {
      ...{ "x-cache": "hit", "x-cache-key": "k", "x-cache-tier": "memory", age: "2", "x-stale": "if-error" },
      ...{ "x-coalesced": "cluster", "x-degraded": "redis,model", "x-provenance": "generation=1" },
    },
  );
});

test("what there is nothing to tell of has no header", () => {
  assert.deepEqual(headersOf({}), {});
  assert.deepEqual(headersOf({ cache: "hit", ageMs: 0 }), { "x-cache": "hit", age: "0" });
});

test("an error tells too what was missing on its way", async () => {
  await using service = await startService({
    ...{ BW_MODEL_URL: "http://127.0.0.1:1", BW_REDIS_NODES: "127.0.0.1:1", BW_START_WAIT_MS: "100" },
  });
  const { status, cache, degraded } = await service.ask("x");
  assert.deepEqual([status, cache], [502, "bypass"]);
  assert.match(String(degraded), /redis/);
});
