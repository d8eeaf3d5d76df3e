import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { cacheDirOf, onPath } from "./host.ts";
import { temporaryHost } from "./temporary-host.ts";

test("the cache is BREAKWATER_CACHE, else below XDG_CACHE_HOME, else below ~/.cache", () => {
  assert.equal(cacheDirOf({ BREAKWATER_CACHE: "/a", XDG_CACHE_HOME: "/b" }, "/home/me"), "/a");
  assert.equal(cacheDirOf({ XDG_CACHE_HOME: "/b" }, "/home/me"), "/b/breakwater");
  assert.equal(cacheDirOf({ XDG_CACHE_HOME: "relative" }, "/home/me"), "/home/me/.cache/breakwater");
  assert.equal(cacheDirOf({}, "/home/me"), "/home/me/.cache/breakwater");
});

test("onPath() lists executable files only, in PATH's order", async () => {
  await using temporary = await temporaryHost();
  const second = await temporary.script("k6", "", "b");
  const first = await temporary.script("k6", "", "c");
  await mkdir(join(temporary.folder, "a/k6"), { recursive: true });
  await mkdir(join(temporary.folder, "d"));
  await writeFile(join(temporary.folder, "d/k6"), "not executable", { mode: 0o644 });
  const PATH = ["a", "d", "c", "absent", "b", "c"].map((name) => join(temporary.folder, name)).join(":");
  assert.deepEqual(await onPath({ ...temporary.host, env: { PATH } }, "k6"), [first, second]);
  assert.deepEqual(await onPath({ ...temporary.host, env: {} }, "k6"), []);
});
