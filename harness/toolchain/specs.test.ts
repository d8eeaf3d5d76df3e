import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { k6Release, toxiproxyRelease } from "./pins.ts";
import { goModuleVersion, k6, redisServer, toxiproxyServer } from "./specs.ts";
import { temporaryHost } from "./temporary-host.ts";

test("each tool's version is read from what it prints", async () => {
  const redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=a9b2a0ae0c95ad5\n";
  assert.equal(await redisServer.readVersion(redis, ""), "7.0.15");
  assert.equal(await toxiproxyServer.readVersion("toxiproxy-server version 2.12.0\n", ""), "2.12.0");
  assert.equal(await k6.readVersion("k6 v1.8.1 (go1.26.8, linux/amd64)\n", ""), "1.8.1");
  assert.equal(await k6.readVersion("k6 v2.1.0 (commit/0f6c1f3a9e, go1.26.4, darwin/arm64)\n", ""), "2.1.0");
  assert.equal(await k6.readVersion("some other k6\n", ""), undefined);
});

test("a toxiproxy-server that calls itself git is asked for the version of its Go module", async () => {
  await using temporary = await temporaryHost();
  const binary = join(temporary.folder, "toxiproxy-server");
  await writeFile(binary, "\0\x01path\tx\nmod\tgithub.com/Shopify/toxiproxy/v2\tv2.12.0\th1:abc=\n\0");
  assert.equal(await toxiproxyServer.readVersion("toxiproxy-server version git\n", binary), "2.12.0");
});

test("goModuleVersion() does not guess", () => {
  const development = Buffer.from("mod\tgithub.com/Shopify/toxiproxy/v2\t(devel)\t\n1.2.3");
  assert.equal(goModuleVersion(development, "github.com/Shopify/toxiproxy/v2"), undefined);
  assert.equal(
    goModuleVersion(Buffer.from("dep\tother\tv1.0.0\n"), "github.com/Shopify/toxiproxy/v2"),
    undefined,
  );
});

test("redis-server is given every folder of unpacked libraries", async () => {
  await using temporary = await temporaryHost();
  for (const library of ["usr/lib/x86_64-linux-gnu/liblzf.so.1.5", "lib/x86_64-linux-gnu/libjemalloc.so.2"]) {
    const path = join(temporary.folder, library);
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, "");
  }
  const { path, env } = await redisServer.locate(temporary.folder);
  assert.equal(path, join(temporary.folder, "usr/bin/redis-server"));
  assert.deepEqual(env.LD_LIBRARY_PATH?.split(":").sort(), [
    join(temporary.folder, "lib/x86_64-linux-gnu"),
    join(temporary.folder, "usr/lib/x86_64-linux-gnu"),
  ]);
});

test("every pinned asset is of its pinned version and has a sha256 of its own", () => {
  const digests = new Set<string>();
  for (const pin of [k6Release, toxiproxyRelease]) {
    assert.deepEqual(Object.keys(pin.assets), ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"]);
    for (const asset of Object.values(pin.assets)) {
      assert.ok(asset.path.includes(`/v${pin.version}/`), asset.path);
      assert.match(asset.sha256, /^[0-9a-f]{64}$/);
      digests.add(asset.sha256);
    }
  }
  assert.equal(digests.size, 8);
});
