import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { z } from "zod";
import { cacheReasons } from "../cache/cacheable.ts";
import { startModelStub, stubAnswer } from "../testing/model-stub.ts";
import { eventually, startRedisCluster } from "../testing/redis-cluster.ts";
import { ask, type ServiceProcess, spawnService } from "../testing/service-process.ts";
import { requestFor } from "../testing/service-under-test.ts";

const run = promisify(execFile);
const keys = { BW_API_KEYS: "a:key-sesame-a,b:key-sesame-b" };

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "service-test-log-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A line as docs/simulator-logs.md defines it, and nothing else. */
const line = z.strictObject({
  time: z.iso.datetime(),
  event: z.string(),
  id: z.string(),
  tenant: z.string().optional(),
  client: z.string().optional(),
  priority: z.enum(["low", "high"]).optional(),
  model: z.string().optional(),
  request: z.string(),
  promptTokens: z.int().optional(),
  outputTokens: z.int().optional(),
  latencyMs: z.number(),
  status: z.int(),
  cache: z.enum(["hit", "miss", "bypass"]).optional(),
  rule: z.enum(cacheReasons).optional(),
  responseBytes: z.int().optional(),
});

async function linesOf(path: string) {
  const text = await readFile(path, "utf8");
  assert(text.endsWith("\n"));
  return text
    .trimEnd()
    .split("\n")
    .map((json) => line.parse(JSON.parse(json)));
}

async function stopped(service: ServiceProcess): Promise<void> {
  service.kill("SIGTERM");
  assert.deepEqual(await service.exited, [0, null]);
}

test("replayed by the simulator, the log of a running service gives the service's own hits", async () => {
  await using cluster = await startRedisCluster();
  await using model = await startModelStub();
  const path = join(folder, "replayed.jsonl");
  await using service = spawnService({
    ...{ BW_MODEL_URL: model.url, BW_REDIS_NODES: cluster.addresses, ...keys },
    ...{ BW_ACCESS_LOG: path, BW_ACCESS_LOG_SALT: "salt-salt-salt-salt" },
  });
  const url = await service.url();
  const stored = async () => {
    const keys = await Promise.all(cluster.nodes.map(({ redis }) => redis.keys("answer:*")));
    return keys.flat().length;
  };

  let answers = 0;
  let hits = 0;
  const seen = new Set<string>();
  for (let i = 0; i < 60; i++) {
    const tenant = i % 3 === 0 ? "b" : "a";
    // Squares come back often, and some of them never.
    const question = `Question ${(i * i) % 17}`;
    const fields = { stream: i % 2 === 0, user: `user-${i % 4}`, key: `key-sesame-${tenant}` };
    const response = await ask(url, question, fields);
    await response.text();
    answers++;
    if (response.headers.get("x-cache") === "hit") hits++;
    seen.add(`${tenant} ${question}`);
    await eventually(async () => (await stored()) === seen.size);
  }
  // Neither is a request that a cache could answer.
  assert.equal((await ask(url, "x", { key: "key-sesame-a", temperature: 9 })).status, 400);
  assert.equal((await ask(url, "x", { key: "wrong" })).status, 401);
  await stopped(service);

  const json = join(folder, "report.json");
  await run(process.execPath, [
    join(import.meta.dirname, "../../simulator/cli.ts"),
    ...[path, "--strategies", "exact", "--policies", "lru", "--capacities", "1000", "--json", json],
  ]);
  const { log, strategies } = z
    .object({
      log: z.object({ format: z.string(), requests: z.int(), keys: z.int(), malformed: z.int() }),
      strategies: z.array(z.object({ l1Hits: z.int(), l2Hits: z.int(), joined: z.int() })),
    })
    .parse(JSON.parse(await readFile(json, "utf8")));
  assert.deepEqual(log, { format: "openai, guessed", requests: answers, keys: seen.size, malformed: 0 });
  assert.equal(hits, answers - seen.size);
  // The size asked for, and as much as there is.
  assert(strategies.length > 0);
  for (const { l1Hits, l2Hits, joined } of strategies) assert.equal(l1Hits + l2Hits + joined, hits);

  const lines = await linesOf(path);
  assert.equal(lines.filter(({ cache }) => cache === "hit").length, hits);
  assert.equal(new Set(lines.map(({ client }) => client)).size, 8 + 1, "four users of each tenant, and none");
  assert.deepEqual([lines.at(-2)?.status, lines.at(-1)?.status], [400, 401]);
  const [first] = lines;
  assert.equal(first?.promptTokens, 3);
  assert.equal(first?.responseBytes, stubAnswer(1).length);
});

test("invalidations are replayed as they were; embeddings, sampled requests and tags are told and left out", async () => {
  await using cluster = await startRedisCluster();
  await using model = await startModelStub();
  const path = join(folder, "invalidated.jsonl");
  await using service = spawnService({
    ...{ BW_MODEL_URL: model.url, BW_REDIS_NODES: cluster.addresses, BW_ACCESS_LOG: path, ...keys },
  });
  const url = await service.url();
  let hits = 0;
  let answers = 0;
  /** Asks, and waits until the answer is stored, as another request then finds it. */
  async function asked(question: string, tenant: string, expected: "hit" | "miss"): Promise<string> {
    const response = await ask(url, question, { key: `key-sesame-${tenant}` });
    await response.text();
    const key = response.headers.get("x-cache-key") ?? "";
    assert.equal(response.headers.get("x-cache"), expected, `${question} ${tenant}`);
    answers++;
    if (expected === "hit") hits++;
    await eventually(async () => (await cluster.nodeOf(key).redis.exists(key)) === 1);
    return key;
  }
  async function posted(to: string, body: unknown): Promise<void> {
    const headers = { authorization: "Bearer key-sesame-a", "content-type": "application/json" };
    const response = await fetch(`${url}/v1/${to}`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.text());
  }
  const invalidated = (body: unknown) => posted("cache/invalidate", body);
  const everybodys = ["one", "two"];
  const key = await asked("one", "a", "miss");
  await asked("two", "a", "miss");
  for (const question of everybodys) await asked(question, "b", "miss");
  await invalidated({ key });
  await asked("one", "a", "miss");
  await asked("two", "a", "hit");
  await asked("one", "b", "hit");
  await invalidated({ request: requestFor("two") });
  await asked("two", "a", "miss");
  await asked("one", "a", "hit");
  await invalidated({ tenant: true });
  for (const question of everybodys) await asked(question, "a", "miss");
  for (const question of everybodys) await asked(question, "b", "hit");
  await invalidated({ tag: "none-has-it" });
  await invalidated({ model: "no-longer-served" });
  const embeddings = { model: "embed-256", input: "one" };
  await invalidated({ request: embeddings });
  for (let i = 0; i < 4; i++) await posted("embeddings", embeddings);
  for (let i = 0; i < 3; i++) await (await ask(url, "drawn", { key: "key-sesame-a", temperature: 1 })).text();
  await stopped(service);

  const reported = z.object({
    log: z.object({ requests: z.int(), malformed: z.int(), notes: z.record(z.string(), z.int()) }),
    strategies: z.array(z.object({ l1Hits: z.int(), l2Hits: z.int(), joined: z.int() })),
  });
  async function simulated(...more: string[]): Promise<z.output<typeof reported>> {
    const json = join(folder, "invalidated.json");
    await run(process.execPath, [
      join(import.meta.dirname, "../../simulator/cli.ts"),
      ...[path, "--strategies", "exact", "--policies", "lru", "--capacities", "1000", "--json", json],
      ...more,
    ]);
    return reported.parse(JSON.parse(await readFile(json, "utf8")));
  }
  const { log, strategies } = await simulated();
  assert.deepEqual([log.requests, log.malformed], [answers, 0]);
  assert(strategies.length > 0);
  for (const { l1Hits, l2Hits, joined } of strategies) assert.equal(l1Hits + l2Hits + joined, hits);
  assert.deepEqual(log.notes, {
    "answered from a cache: its latency left out": hits,
    "invalidation by tag: not replayed": 1,
    "invalidation by model: not replayed": 1,
    "invalidation of embeddings: not replayed": 1,
    "embeddings: not replayed": 4,
    "not cacheable (sampled): left out (--keep-uncacheable keeps them)": 3,
  });
  const kept = await simulated("--keep-uncacheable");
  assert.equal(kept.log.requests, answers + 3);
});

test("on stdout its lines and the log's are whole, and none is missing at the end", async () => {
  await using model = await startModelStub();
  await using service = spawnService({ BW_MODEL_URL: model.url, BW_ACCESS_LOG: "stdout" });
  const url = await service.url();
  // Several writes, and no whole number of them.
  for (let i = 0; i < 20; i++) {
    await Promise.all(
      Array.from({ length: 20 }, (_, j) => ask(url, `${i} ${j}`).then((reply) => reply.text())),
    );
    model.mode = i % 2 === 0 ? "error" : "ok";
  }
  assert.equal((await fetch(`${url}/v1/models`)).status, 200);
  await stopped(service);
  const lines = service.log.filter(({ event }) => event !== undefined).map((parsed) => line.parse(parsed));
  assert.equal(lines.filter(({ event }) => event === "request").length, 400);
  assert.equal(lines.at(-1)?.event, "models");
  assert.equal(new Set(lines.map(({ id }) => id)).size, 401);
});

test("no byte that the service writes in a whole run has a prompt, an answer, a user or a key in it", async () => {
  await using cluster = await startRedisCluster();
  await using model = await startModelStub();
  const path = join(folder, "secrets.jsonl");
  await using service = spawnService({
    ...{ BW_MODEL_URL: model.url, BW_REDIS_NODES: cluster.addresses, ...keys, BW_DRAIN_MS: "2000" },
    ...{ BW_ACCESS_LOG: path, BW_ACCESS_LOG_SALT: "sesame-sesame-sesame", BW_LOG_LEVEL: "trace" },
  });
  const url = await service.url();
  const key = "key-sesame-a";
  async function everything(round: number): Promise<void> {
    for (const stream of [true, false]) {
      const fields = { key, stream, user: "sesame@example.org", metadata: { a: "sesame" } };
      await (await ask(url, `sesame ${round}`, fields)).text();
      await (await ask(url, "sesame", { ...fields, model: "sesame" })).text();
      await (await ask(url, "sesame", { ...fields, messages: "sesame" })).text();
      await (await ask(url, "sesame", { ...fields, key: "sesame-wrong" })).text();
    }
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const post = (body: string) => fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
    await (await post('{"sesame": sesame')).text();
    await (await fetch(`${url}/v1/sesame?sesame`, { headers: { ...headers, cookie: "sesame" } })).text();
    const leaving = AbortSignal.timeout(20);
    await fetch(`${url}/v1/chat/completions`, {
      ...{ method: "POST", headers, signal: leaving },
      body: JSON.stringify({
        model: "llama-3-8b",
        messages: [{ role: "user", content: `sesame ${round}!` }],
      }),
    }).then(
      (response) => response.text(),
      () => undefined,
    );
  }
  for (const [round, mode] of (
    ["ok", "error", "unreadable", "break-stream", "silent", "ok"] as const
  ).entries()) {
    model.mode = mode;
    await everything(round);
    if (round === 4) for (const node of cluster.nodes) node.signal("SIGKILL");
  }
  await stopped(service);
  const written = service.output() + (await readFile(path, "utf8"));
  assert(written.split("\n").length > 50);
  assert(written.includes('"problem"'), "the log had reason to tell something");
  for (const secret of ["sesame", "Answer number", "example.org"]) {
    const at = written.indexOf(secret);
    assert.equal(at, -1, written.slice(Math.max(0, at - 200), at + 100));
  }
});

test("a log that cannot be opened is an error at the start", async () => {
  await using service = spawnService({
    ...{ BW_MODEL_URL: "http://127.0.0.1:9", BW_ACCESS_LOG: join(folder, "nowhere/log") },
  });
  assert.deepEqual(await service.exited, [1, null]);
  assert.match(service.output(), /ENOENT/);
});

test("users are told apart under a salt only", async () => {
  await using model = await startModelStub();
  const path = join(folder, "unsalted.jsonl");
  await using service = spawnService({ BW_MODEL_URL: model.url, BW_ACCESS_LOG: path });
  await (await ask(await service.url(), "x", { user: "me" })).text();
  await stopped(service);
  assert.deepEqual(
    (await linesOf(path)).map(({ client }) => client),
    [undefined],
  );
});
