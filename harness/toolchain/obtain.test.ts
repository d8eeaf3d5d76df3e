import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { brewInstall } from "./brew-install.ts";
import { type Host, thisHost } from "./host.ts";
import { obtainTool } from "./obtain.ts";
import { release } from "./release.ts";
import { k6, redisServer } from "./specs.ts";
import { fakeGo, httpServer, temporaryHost } from "./temporary-host.ts";
import type { ToolSpec } from "./tool.ts";

const never = new AbortController().signal;
const program = `#!/bin/sh\necho "k6 v2.1.0 (go1.26.0, linux/amd64)"\n`;

/** k6 from one release only, with the digest of `expected`. */
function k6From(path: string, expected: string | Buffer): ToolSpec {
  const sha256 = createHash("sha256").update(expected).digest("hex");
  return { ...k6, sources: [release("k6", { version: "2.1.0", assets: { "linux-x64": { path, sha256 } } })] };
}

function cacheOf(host: Host): Promise<string[]> {
  return readdir(host.cacheDir, { recursive: true });
}

test("a release that is the program itself is kept in a folder of its version", async () => {
  await using temporary = await temporaryHost();
  await using server = await httpServer((_, response) => response.end(program));
  const host = { ...temporary.host, releasesUrl: server.url };
  const search = await obtainTool(k6From("/k6-linux-amd64", program), host, () => {}, never);
  assert.ok("found" in search);
  assert.deepEqual(search.found, {
    path: join(host.cacheDir, "k6/2.1.0-linux-x64/k6"),
    env: {},
    version: "2.1.0",
    origin: "pinned download",
  });
  assert.deepEqual((await cacheOf(host)).sort(), ["k6", "k6/2.1.0-linux-x64", "k6/2.1.0-linux-x64/k6"]);
});

test("a release that is an archive is unpacked, and the archive is not kept", async () => {
  await using temporary = await temporaryHost();
  const { folder } = temporary;
  await temporary.script("k6", program, "made/k6-v2.1.0-linux-amd64");
  const env = process.env;
  const args = ["-czf", join(folder, "k6.tar.gz"), "-C", join(folder, "made"), "k6-v2.1.0-linux-amd64"];
  await thisHost().run("tar", args, { env, timeoutMs: 30_000 }, never);
  const archive = await readFile(join(folder, "k6.tar.gz"));
  await using server = await httpServer((_, response) => response.end(archive));
  const host = { ...temporary.host, releasesUrl: server.url, env };
  const search = await obtainTool(k6From("/k6.tar.gz", archive), host, () => {}, never);
  assert.ok("found" in search);
  assert.deepEqual(await readdir(join(host.cacheDir, "k6/2.1.0-linux-x64")), ["k6"]);
});

test("nothing is kept of a release with a wrong digest, and no other source is tried", async () => {
  await using temporary = await temporaryHost();
  await using server = await httpServer((_, response) => response.end(`${program}# and more`));
  const host = { ...temporary.host, releasesUrl: server.url };
  await temporary.script("go", fakeGo("1.8.1"));
  const pinned = k6From("/k6", program);
  const spec = { ...pinned, sources: [...pinned.sources, ...k6.sources] };
  await assert.rejects(
    obtainTool(spec, host, () => {}, never),
    { kind: "HARNESS_ERROR", code: "TOOL_DIGEST_WRONG" },
  );
  assert.deepEqual(await cacheOf(host), []);
});

test("what does not run, or is too old, is not kept", async () => {
  await using temporary = await temporaryHost();
  const { host } = temporary;
  await temporary.script("go", fakeGo("1.7.0"));
  const old = await obtainTool(k6, host, () => {}, never);
  assert.ok("tried" in old);
  assert.ok(old.tried.at(-1)?.includes("1.7.0"));
  await temporary.script("go", fakeGo(`1.8.1"; exit 1; echo "`));
  const failing = await obtainTool(k6, host, () => {}, never);
  assert.ok("tried" in failing);
  assert.deepEqual(await cacheOf(host), []);
});

test("two installs at once both succeed, with one result", async () => {
  await using temporary = await temporaryHost();
  const { host } = temporary;
  // Each waits until the other has begun.
  const meet = `
touch "$GOBIN/../$$.begun"
n=0
while [ "$(ls "$GOBIN"/../*.begun | wc -l)" -lt 2 ]; do
  n=$((n + 1)); [ $n -lt 1000 ] || exit 8; sleep 0.02
done`;
  await temporary.script("go", fakeGo("1.8.1", meet));
  const both = await Promise.all([
    obtainTool(k6, host, () => {}, never),
    obtainTool(k6, host, () => {}, never),
  ]);
  assert.deepEqual(both[0], both[1]);
  assert.ok("found" in both[0]);
  const left = (await readdir(host.cacheDir)).filter((entry) => !entry.endsWith(".begun"));
  assert.deepEqual(left, ["k6"]);
  assert.deepEqual(await readdir(join(host.cacheDir, "k6")), ["1.8.1-linux-x64"]);
});

test("what another process has installed in the meantime is left alone: it may be in use", async () => {
  await using temporary = await temporaryHost();
  const { host } = temporary;
  await temporary.script(
    "k6",
    `echo "k6 v1.8.1 (go1.26.0, linux/amd64)" # theirs`,
    "cache/k6/1.8.1-linux-x64",
  );
  await temporary.script("go", fakeGo("1.8.1"));
  const search = await obtainTool(k6, host, () => {}, never);
  assert.ok("found" in search);
  assert.match(await readFile(search.found.path, "utf8"), /theirs/);
  assert.deepEqual(await readdir(host.cacheDir), ["k6"]);
});

test("a broken folder in the cache is replaced", async () => {
  await using temporary = await temporaryHost();
  const { host } = temporary;
  await temporary.script("k6", "exit 1", "cache/k6/1.8.1-linux-x64");
  await temporary.script("go", fakeGo("1.8.1"));
  const search = await obtainTool(k6, host, () => {}, never);
  assert.ok("found" in search);
  assert.deepEqual(await readdir(host.cacheDir), ["k6"]);
});

test("a folder that a killed install left is removed once nobody can be working in it", async () => {
  await using temporary = await temporaryHost();
  const { host } = temporary;
  await temporary.script("k6", "", "cache/.staging-old");
  await temporary.script("k6", "", "cache/.staging-young");
  const twoHoursAgo = Date.now() / 1_000 - 7_200;
  await utimes(join(host.cacheDir, ".staging-old"), twoHoursAgo, twoHoursAgo);
  await temporary.script("go", fakeGo("1.8.1"));
  await obtainTool(k6, host, () => {}, never);
  assert.deepEqual((await readdir(host.cacheDir)).sort(), [".staging-young", "k6"]);
});

test("a cache that cannot be written is an error of its own", async () => {
  await using temporary = await temporaryHost({ cacheDir: "/dev/null/cache" });
  await assert.rejects(
    obtainTool(k6, temporary.host, () => {}, never),
    { kind: "HARNESS_ERROR", code: "TOOL_CACHE_UNWRITABLE" },
  );
});

test("brew is used on macOS only, and its program is linked to", async () => {
  await using temporary = await temporaryHost();
  const { folder, host } = temporary;
  await temporary.script("redis-server", `echo "Redis server v=8.2.1 sha=0:0"`, "opt/bin");
  await temporary.script(
    "brew",
    `echo "$@" >> ${folder}/asked; [ "$1" = --prefix ] && echo ${folder}/opt; exit 0`,
  );
  const spec = {
    ...redisServer,
    sources: [brewInstall("redis", "bin/redis-server", "usr/bin/redis-server")],
  };
  assert.ok("tried" in (await obtainTool(spec, host, () => {}, never)));

  const search = await obtainTool(spec, { ...host, platform: "darwin", arch: "arm64" }, () => {}, never);
  assert.ok("found" in search);
  assert.equal(
    search.found.path,
    join(host.cacheDir, "redis-server/8.2.1-darwin-arm64/usr/bin/redis-server"),
  );
  assert.equal(await readFile(join(folder, "asked"), "utf8"), "install redis\n--prefix redis\n");
});
