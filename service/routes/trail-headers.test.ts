import assert from "node:assert/strict";
import { test } from "node:test";
import { newTrail, type Trail } from "../answering/answering.ts";
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
