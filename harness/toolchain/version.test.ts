import assert from "node:assert/strict";
import { test } from "node:test";
import { compareVersions, firstVersion } from "./version.ts";

test("firstVersion() reads the first dotted number", () => {
  assert.equal(firstVersion("7.0.15"), "7.0.15");
  assert.equal(firstVersion("v2.1"), "2.1");
  assert.equal(firstVersion("2.12.0-rc1"), "2.12.0");
  assert.equal(firstVersion("git"), undefined);
});

test("compareVersions() compares numbers, not letters", () => {
  const sorted = ["2.12.0", "1.8", "10.0.0", "1.8.1", "1.10.0"].sort(compareVersions);
  assert.deepEqual(sorted, ["1.8", "1.8.1", "1.10.0", "2.12.0", "10.0.0"]);
});
