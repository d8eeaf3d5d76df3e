import assert from "node:assert/strict";
import { test } from "node:test";
import { keyScope, kindOf, modelScope, tagScope, tenantOfScope, tenantScope } from "./scopes.ts";

test("whose a scope is: its tenant's, whatever it names; nobody's where it is a model's for all", () => {
  const own = [tenantScope("a"), tagScope("a", "b:c"), keyScope("a", "k"), modelScope("a", "m")];
  for (const scope of own) assert.equal(tenantOfScope(scope), "a", scope);
  assert.equal(tenantOfScope(modelScope(undefined, "m")), undefined);
});

test("the kind of a scope is one of four, or other: no message of another version adds one", () => {
  const scopes = [keyScope("a", "k"), tagScope("a", "tag:b"), modelScope("a", "m"), tenantScope("a")];
  assert.deepEqual(scopes.map(kindOf), ["key", "tag", "model", "tenant"]);
  assert.deepEqual(["region:a:eu", "keys:a:k", "tag", ""].map(kindOf), Array(4).fill("other"));
});
