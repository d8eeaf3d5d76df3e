import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv, promisify } from "node:util";
import { readConfig } from "../service/config/config.ts";

const run = promisify(execFile);

/** The two sides import nothing of each other: only here do they meet. */
for (const [strategies, l1] of [
  ["exact", undefined],
  ["tiered", { policy: /^(lru|sieve)$/ }],
] as const) {
  test(`what --write-config writes of ${strategies} strategies is a configuration of the service`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "breakwater-config-"));
    try {
      const file = join(folder, "service.env");
      const cli = join(import.meta.dirname, "../simulator/cli.ts");
      const sizes = ["--sizes", "3", "--policies", "lru,lfu"];
      await run(process.execPath, [cli, "--strategies", strategies, ...sizes, "--write-config", file]);
      const written = parseEnv(await readFile(file, "utf8"));
      const names = Object.keys(written);
      assert.ok(names.includes("BW_CACHE_FRESH_MS") && names.every((name) => name.startsWith("BW_")));
      // It refuses names that it does not know, and values out of bounds.
      const { cache } = readConfig({ BW_MODEL_URL: "http://127.0.0.1:9000", ...written });
      assert.equal(cache.freshMs, Number(written["BW_CACHE_FRESH_MS"]));
      assert.equal(cache.l1 === undefined, l1 === undefined);
      if (l1 === undefined) return;
      assert.match(cache.l1?.policy ?? "", l1.policy);
      assert.ok(cache.memoryBytes > 1000 && cache.memoryBytes < 10e6, `${cache.memoryBytes} bytes`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}
