import assert from "node:assert/strict";
import { test } from "node:test";
import { findTool } from "./find.ts";
import { k6 } from "./specs.ts";
import { temporaryHost } from "./temporary-host.ts";

const never = new AbortController().signal;
const says = (version: string) => `echo "k6 v${version} (go1.26.0, linux/amd64)"`;

test("findTool() prefers the environment, then PATH, then the newest in the cache", async () => {
  await using temporary = await temporaryHost();
  const { host, script } = temporary;
  assert.deepEqual(await findTool(k6, host, never), { tried: ["PATH: not there", "cache: not there"] });

  await script("k6", says("1.8.1"), "cache/k6/1.8.1-linux-x64");
  await script("k6", says("1.10.0"), "cache/k6/1.10.0-linux-x64");
  await script("k6", says("2.1.0"), "cache/k6/2.1.0-linux-arm64");
  const cached = await findTool(k6, host, never);
  assert.ok("found" in cached);
  assert.deepEqual([cached.found.origin, cached.found.version], ["cache", "1.10.0"]);

  await script("k6", says("1.9.0"));
  const onPath = await findTool(k6, host, never);
  assert.ok("found" in onPath);
  assert.deepEqual([onPath.found.origin, onPath.found.version], ["PATH", "1.9.0"]);

  const path = await script("my-k6", says("2.0.0"), "elsewhere");
  const explicit = await findTool(k6, { ...host, env: { ...host.env, BREAKWATER_K6: path } }, never);
  assert.deepEqual(explicit, { found: { path, env: {}, version: "2.0.0", origin: "BREAKWATER_K6" } });
});

test("findTool() passes over what is too old or broken on PATH and in the cache, and says so", async () => {
  await using temporary = await temporaryHost();
  const { host, script } = temporary;
  const old = await script("k6", says("0.57.0"));
  const broken = await script("k6", "exit 1", "cache/k6/2.1.0-linux-x64");
  const search = await findTool(k6, host, never);
  assert.ok("tried" in search);
  assert.equal(search.tried.length, 2);
  assert.ok(search.tried[0]?.includes(old) && search.tried[0].includes("0.57.0"));
  assert.ok(search.tried[1]?.includes(broken));

  const good = await script("k6", says("1.9.0"), "second");
  const PATH = `${host.env.PATH}:${temporary.folder}/second`;
  const second = await findTool(k6, { ...host, env: { PATH } }, never);
  assert.ok("found" in second);
  assert.equal(second.found.path, good);
});

test("an explicit path that cannot be used is an error, although PATH has a good one", async () => {
  await using temporary = await temporaryHost();
  const { host, script } = temporary;
  await script("k6", says("1.9.0"));
  const wrong = [
    `${temporary.folder}/absent`,
    temporary.folder,
    await script("old", says("1.7.9"), "elsewhere"),
    await script("failing", "exit 1", "elsewhere"),
    await script("other", "echo hello", "elsewhere"),
  ];
  for (const path of wrong) {
    const env = { ...host.env, BREAKWATER_K6: path };
    await assert.rejects(findTool(k6, { ...host, env }, never), {
      kind: "HARNESS_ERROR",
      code: "TOOL_PATH_WRONG",
    });
  }
});
