import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv, promisify } from "node:util";
import { readConfig } from "../service/config/config.ts";
import { startRedisCluster } from "../service/testing/redis-cluster.ts";

const run = promisify(execFile);

/** The two sides import nothing of each other: only here do they meet. */
for (const strategies of ["exact", "tiered"]) {
  test(`what --write-config writes of ${strategies} strategies is a configuration of the service`, async () => {
    const written = parseEnv(await writtenFor(strategies));
    const names = Object.keys(written);
    assert.ok(names.includes("BW_CACHE_FRESH_MS") && names.every((name) => name.startsWith("BW_")));
    // It refuses names that it does not know, and values out of bounds.
    const { cache, redis } = readConfig({ BW_MODEL_URL: "http://127.0.0.1:9000", ...written });
    assert.equal(cache.freshMs, Number(written["BW_CACHE_FRESH_MS"]));
    // Nothing that is written names a Redis: without one the tier in memory is all, and takes answers of 64 KiB.
    assert.deepEqual(redis.nodes, []);
    assert.match(cache.l1?.policy ?? "off", /^(lru|sieve)$/);
    assert.ok(cache.memoryBytes / 16 >= 65_536, `${cache.memoryBytes} bytes`);
  });
}

test("a Redis Cluster whose nodes have the memory that was written keeps as many answers as were advised", async () => {
  const text = await writtenFor("exact");
  const named = (pattern: RegExp) => (pattern.exec(text)?.[1] ?? "").replaceAll(",", "");
  const entries = Number(named(/exact l[rf]u ([\d,]+) entries/));
  const [ownMiB, answersMiB] = [Number(named(/each needs (\d+) \+/)), Number(named(/\+ (\d+) \/ n/))];
  assert.equal(Number(named(/maxmemory (\d+)mb/)), ownMiB + answersMiB);
  assert.ok(entries > 100, text);
  await using cluster = await startRedisCluster({
    args: [
      ...["--maxmemory", `${ownMiB + Math.ceil(answersMiB / 3)}mb`],
      ...["--maxmemory-policy", named(/maxmemory-policy ([a-z-]+)/)],
    ],
  });
  const keys = Array.from({ length: entries }, (_, i) => `answer:${String(i).padStart(64, "0")}`);
  // All of the memory for answers, less what the simulator takes Redis to keep beside each.
  const answer = "x".repeat(Math.floor((answersMiB * 2 ** 20) / entries) - 200);
  for (const key of keys) await cluster.nodeOf(key).redis.set(key, answer);
  for (const key of keys) assert.equal(await cluster.nodeOf(key).redis.get(key), answer);
  for (const { redis } of cluster.nodes) assert.match(await redis.info("stats"), /evicted_keys:0\r/);
});

async function writtenFor(strategies: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "breakwater-config-"));
  try {
    const file = join(folder, "service.env");
    const cli = join(import.meta.dirname, "../simulator/cli.ts");
    const sizes = ["--sizes", "3", "--policies", "lru,lfu"];
    await run(process.execPath, [cli, "--strategies", strategies, ...sizes, "--write-config", file]);
    return await readFile(file, "utf8");
  } finally {
    await rm(folder, { recursive: true });
  }
}
