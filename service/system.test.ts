import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";

const settings = z.record(z.string(), z.string()).default({});
const { services, stores, load } = z
  .object({
    services: z.record(
      z.string(),
      z.object({ env: settings, switches: z.record(z.string(), settings).default({}) }),
    ),
    stores: z.object({ redis: z.object({ config: settings }) }),
    load: z.object({ script: z.string(), reads: z.array(z.string()) }),
  })
  .parse(parse(await readFile(new URL("system.yaml", import.meta.url), "utf8")));

test("whoever's environment a run starts in, the policies are on and nothing listens beyond loopback", () => {
  for (const [name, { env, switches }] of Object.entries(services)) {
    assert.equal(env[name === "api" ? "BW_HOST" : "HOST"], "127.0.0.1", name);
    for (const variable of Object.values(switches).flatMap(Object.keys))
      assert.equal(env[variable], "on", variable);
  }
  assert.equal(services["api"]?.env["BW_LOG_LEVEL"], "info");
});

test("each policy is named by a scenario as what it must fail without", async () => {
  const named = z.object({ mustFail: z.object({ without: z.string().optional() }) });
  const folder = new URL("../scenarios/", import.meta.url);
  const files = await readdir(folder);
  const covered = await Promise.all(
    files.map(
      async (file) => named.parse(parse(await readFile(new URL(file, folder), "utf8"))).mustFail.without,
    ),
  );
  for (const { switches } of Object.values(services))
    for (const name of Object.keys(switches)) assert(covered.includes(name), name);
});

test("the load script reads what the system file says that it reads, and nothing else", async () => {
  const folder = new URL("load/", import.meta.url);
  const scripts = (await readdir(folder)).filter((file) => !/(\.test\.ts|run-k6\.ts|\.json)$/.test(file));
  const source = (await Promise.all(scripts.map((file) => readFile(new URL(file, folder), "utf8")))).join(
    "\n",
  );
  const names = [...source.matchAll(/"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"/g)].map(([, name = ""]) => name);
  const own = names.filter((name) => !name.startsWith("BREAKWATER_") && name !== "POST");
  assert.deepEqual([...new Set(own)].toSorted(), load.reads.toSorted());
  for (const [, by] of source.matchAll(/__ENV(.{0,6})/g)) assert.match(by ?? "", /^\[(name\]|"[A-Z])/);
});

test("a cache that is full drops what was not used for longest, and takes in the new", () => {
  assert.equal(stores.redis.config["maxmemory-policy"], "allkeys-lru");
});
