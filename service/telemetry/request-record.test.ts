import assert from "node:assert/strict";
import { test } from "node:test";
import { newRecord, tenantOf } from "./request-record.ts";

test("without a key that was shown there is nobody whose data may be touched: a route that asked for none fails", () => {
  assert.throws(() => tenantOf(newRecord("x")), /does not ask for a key/);
  assert.equal(tenantOf({ ...newRecord("x"), tenant: "a" }), "a");
});
