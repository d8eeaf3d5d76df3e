import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../routes/api-error.ts";
import { adminsByKey, tenantsByKey } from "./tenants.ts";

const keys = [
  { tenant: "a", key: "key-1" },
  { tenant: "a", key: "key-2" },
  { tenant: "b", key: "key-3" },
];
/** None of them shows a known key. */
const unknown = [
  undefined,
  "",
  "key-1",
  "Basic key-1",
  "Bearer",
  "Bearer ",
  "Bearer wrong",
  "Bearer KEY-1",
  "Bearer key-1 key-3",
  "x Bearer key-1",
  "Bearer key-12",
];

test("a tenant is known by each of its keys, the scheme written in any case", () => {
  const tenantOf = tenantsByKey(keys);
  assert.deepEqual(["Bearer key-1", "bearer key-2", "BEARER   key-3"].map(tenantOf), ["a", "a", "b"]);
});

test("whatever else is shown is 401, and the error does not repeat it", () => {
  const tenantOf = tenantsByKey(keys);
  for (const authorization of unknown) {
    assert.throws(
      () => tenantOf(authorization),
      (thrown) =>
        thrown instanceof ApiError &&
        thrown.status === 401 &&
        !JSON.stringify(thrown.body()).includes("wrong"),
      authorization,
    );
  }
});

test("where no keys are configured all callers are one tenant, whatever they show; with an empty list nobody is", () => {
  for (const authorization of unknown) assert.equal(tenantsByKey(undefined)(authorization), "public");
  assert.throws(() => tenantsByKey([])("Bearer key-1"), ApiError);
});

test("an admin is whoever shows an admin's key, and nobody where there is none", () => {
  const isAdmin = adminsByKey(["key-1"]);
  assert(isAdmin("Bearer key-1"));
  for (const authorization of unknown) assert(!isAdmin(authorization), authorization);
  assert(!adminsByKey([])("Bearer key-1"));
});
