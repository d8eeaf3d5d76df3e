import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { reportSchema } from "./report/report.ts";

const run = promisify(execFile);
const cli = fileURLToPath(new URL("./cli.ts", import.meta.url));
const conversation = fileURLToPath(
  new URL("./data/traces/mooncake_conversation_trace.jsonl", import.meta.url),
);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "breakwater-simulate-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function simulate(
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const options = { maxBuffer: 64 * 2 ** 20 };
  try {
    return { code: 0, ...(await run(process.execPath, [cli, ...args], options)) };
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && "stdout" in thrown && "stderr" in thrown))
      throw thrown;
    return { code: Number(thrown.code), stdout: String(thrown.stdout), stderr: String(thrown.stderr) };
  }
}

async function chatLog(): Promise<string> {
  const path = join(folder, "chat.jsonl");
  const lines = Array.from({ length: 400 }, (_, i) =>
    JSON.stringify({
      time: 1_790_000_000_000 + i * 900,
      tenant: "a",
      model: "gpt-4o",
      request: { messages: [{ role: "user", content: `SECRET question ${(i * i) % 37}` }] },
      promptTokens: 500,
      outputTokens: 100,
      latencyMs: 900,
      responseBytes: 700,
    }),
  );
  await writeFile(path, `${lines.join("\n")}\n`);
  return path;
}

test("a chat log gives the page, the data, the table and the service's environment, and no prompt in any of them", async () => {
  const path = await chatLog();
  const out = (name: string) => join(folder, name);
  const { code, stdout, stderr } = await simulate(
    path,
    ...["--sizes", "4", "--policies", "lru,sieve", "--lose", "all@3m"],
    ...[
      "--json",
      out("r.json"),
      "--csv",
      out("r.csv"),
      "--html",
      out("r.html"),
      "--write-config",
      out("r.env"),
    ],
  );
  assert.equal(code, 0, stderr);
  const report = reportSchema.parse(JSON.parse(await readFile(out("r.json"), "utf8")));
  assert.equal(report.log.requests, 400);
  assert.equal(report.log.format, "openai, guessed");
  assert.equal(report.cost, "api");
  assert.ok(report.failover !== null && report.failover.extraMisses > 0);
  assert.match(await readFile(out("r.env"), "utf8"), /^BW_CACHE_FRESH_MS=\d+$/m);
  const outputs = await Promise.all(
    ["r.json", "r.csv", "r.html", "r.env"].map((name) => readFile(out(name), "utf8")),
  );
  for (const text of [stdout, stderr, ...outputs]) assert.ok(!text.includes("SECRET"));
});

/** As the reference service writes it: hashes, its rule for each, its own hits, invalidations. */
async function accessLog(rule: (row: number) => string): Promise<string> {
  const path = join(folder, "access.jsonl");
  const lines = Array.from({ length: 200 }, (_, row) => {
    const hit = row >= 20;
    const [event, status] = row % 50 === 49 ? ["invalidate-tag", 204] : ["request", 200];
    return JSON.stringify({
      time: new Date(1_790_000_000_000 + row * 200).toISOString(),
      ...{ event, id: `r${row}`, tenant: "a", model: "gpt-4o", request: `answer:4:${row % 20}`, status },
      ...{ promptTokens: 500, outputTokens: 100, responseBytes: 700, rule: rule(row) },
      ...{ latencyMs: hit ? 1.5 : 900, cache: hit ? "hit" : "miss" },
    });
  });
  await writeFile(path, `${lines.join("\n")}\n`);
  return path;
}

test("the service's access log: whose times are shown, what ended no answer, what rested on its rule", async () => {
  const out = (name: string) => join(folder, name);
  const replay = async (...args: readonly string[]) =>
    simulate(
      ...args,
      "--sizes",
      "1",
      "--policies",
      "lru",
      "--strategies",
      "exact",
      "--html",
      out("a.html"),
      "--write-config",
      out("a.env"),
    );
  const { code, stderr, stdout } = await replay(await accessLog(() => "cacheable"));
  assert.equal(code, 0, stderr);
  // 200 lines, of which 4 drop a tag; the model answered 20, and the service's cache the rest.
  const untimed = /both over the same 20 of 196 requests: for the others \(those that its own cache answered/;
  assert.match(stdout, untimed);
  assert.match(await readFile(out("a.html"), "utf8"), untimed);
  assert.match(stdout, /- 4 invalidations by tag not replayed/);
  assert.match(
    stdout,
    /- The log is 39\.6 s long, .*the service's longest, 24\.0 h, .*not seen\.\n.*- Of --ttl, 60\.0 s, 10\.0 min, 60\.0 min, 24\.0 h are no shorter/,
  );
  assert.match(stdout, /the log's own rule says which answers are cacheable\.$/m);
  assert.doesNotMatch(await readFile(out("a.env"), "utf8"), /temperature|SAMPLED/);

  const sampled = await accessLog((row) => (row % 20 === 3 ? "sampled" : "cacheable"));
  const kept = await replay(sampled, "--keep-uncacheable");
  assert.match(
    kept.stdout,
    /so are those of 10 requests that it does not let in, whatever their temperature/,
  );
  assert.match(await readFile(out("a.env"), "utf8"), /^#BW_CACHE_SAMPLED=on$/m);
});

test("a log without hits, rules and invalidations has nothing said of them", async () => {
  const { stdout } = await simulate(
    await chatLog(),
    "--sizes",
    "1",
    "--policies",
    "lru",
    "--strategies",
    "exact",
  );
  assert.match(stdout, /time of a request/);
  assert.doesNotMatch(stdout, /both over the same|not replayed|own rule says/);
});

test("the full sweep of the conversation trace: ten policies at twenty sizes, with the GPU's hours and queue", async () => {
  const json = join(folder, "conversation.json");
  const { code, stderr } = await simulate(conversation, "--strategies", "prefix", "--json", json);
  assert.equal(code, 0, stderr);
  const report = reportSchema.parse(JSON.parse(await readFile(json, "utf8")));
  assert.equal(report.strategies.length, 200);
  assert.equal(report.cost, "gpu");
  const all = report.strategies.filter(({ label }) => label.endsWith("93,588,480 tokens"));
  assert.equal(all.length, 10);
  for (const { reusedBlocks, label } of all) assert.equal(reusedBlocks, 105_710, label);
  assert.ok((report.detail.timesBefore?.firstToken?.p95Ms ?? 0) > 0);
});

test("wrong options are told all at once, with exit code 4", async () => {
  const { code, stderr } = await simulate(
    conversation,
    "--sizes",
    "many",
    "--policies",
    "lru,mru",
    "--ttl",
    "soon",
  );
  assert.equal(code, 4);
  for (const option of ["--sizes", "--policies", "--ttl"]) assert.ok(stderr.includes(option), option);
});

test("what cannot be read or priced is told with a hint, and exit code 4", async () => {
  const { code, stderr } = await simulate(join(folder, "no-such.jsonl"));
  assert.equal(code, 4);
  assert.match(stderr, /no-such\.jsonl/);
  const unpriced = await simulate(conversation, "--cost", "api");
  assert.equal(unpriced.code, 4);
  assert.match(unpriced.stderr, /hint: .*--model/);
  assert.equal((await simulate("--no-such-option")).code, 4);
});

test("a strategy that the log has nothing for is refused with a hint, also from a worker", async () => {
  const path = await chatLog();
  const sticky = await simulate(path, "--strategies", "tiered", "--routing", "sticky", "--sizes", "1");
  assert.equal(sticky.code, 4);
  assert.match(sticky.stderr, /hint: .*consistent-hash/);
  assert.equal(
    (await simulate(conversation, "--strategies", "exact", "--unit", "bytes", "--sizes", "1")).code,
    4,
  );
});

test("the user's own table prices the log, and every figure names its source and date", async () => {
  const path = await chatLog();
  const prices = join(folder, "prices.json");
  await writeFile(
    prices,
    JSON.stringify({
      source: "our contract",
      date: "2026-10-01",
      models: { "gpt-4o": { input: 1, output: 4 } },
    }),
  );
  const json = join(folder, "own.json");
  const { code, stderr } = await simulate(
    path,
    "--prices",
    prices,
    "--strategies",
    "exact",
    "--sizes",
    "2",
    "--json",
    json,
  );
  assert.equal(code, 0, stderr);
  const report = reportSchema.parse(JSON.parse(await readFile(json, "utf8")));
  assert.equal(report.prices?.source, "our contract");
  assert.equal(report.prices?.date, "2026-10-01");
  const before = report.strategies[0]?.usd?.before.low ?? 0;
  assert.ok(Math.abs(before - (400 * (500 * 1 + 100 * 4)) / 1e6) < 1e-8);
  await writeFile(prices, '{"source":"x"}');
  assert.equal((await simulate(path, "--prices", prices)).code, 4);
});

test("--print-schema prints the schema of the JSON report", async () => {
  const { code, stdout } = await simulate("--print-schema");
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).type, "object");
});

test("an embedder makes the vectors: one's own module, or trigrams; its texts are in no output", async () => {
  const path = await chatLog();
  const json = join(folder, "embedded.json");
  const of = (embedder: string) => [
    ...[path, "--strategies", "exact,semantic", "--threshold", "0.9", "--sizes", "1", "--policies", "lru"],
    ...["--json", json, "--embedder", embedder],
  ];
  const own = join(folder, "embedder.mjs");
  // All requests are alike but for SECRET question 0, which is like no other.
  await writeFile(
    own,
    `export default { name: "own", dimensions: 2, embed: async (texts) =>
      texts.map((text) => (text === "SECRET question 0" ? [1, 0] : [0, 7])) };`,
  );
  const { code, stderr, stdout } = await simulate(...of(own));
  assert.equal(code, 0, stderr);
  const text = await readFile(json, "utf8");
  const report = reportSchema.parse(JSON.parse(text));
  const hits = (match: string) => {
    const found = report.strategies.find(({ label }) => label.startsWith(match));
    return (found?.l1Hits ?? 0) + (found?.joined ?? 0);
  };
  // Of 400 requests, the first of each of two kinds misses.
  assert.deepEqual([hits("semantic"), hits("exact lru")], [398, 400 - report.log.keys]);
  assert.ok(![text, stdout, stderr].some((output) => output.includes("SECRET")));
  assert.match(stdout, /vectors of embedder "own"/);
  assert.equal((await simulate(...of("trigrams"))).code, 0);
});

test("an embedder that cannot be used is told with a hint, and exit code 4", async () => {
  const path = await chatLog();
  const write = async (name: string, code: string) => {
    await writeFile(join(folder, name), code);
    return join(folder, name);
  };
  const unusable = [
    join(folder, "no-such.mjs"),
    await write("none.mjs", "export default { embed: 1 };"),
    await write("short.mjs", 'export default { name: "x", dimensions: 3, embed: async () => [[1, 2, 3]] };'),
    await write(
      "fails.mjs",
      'export default { name: "x", dimensions: 3, embed: async () => { throw new Error("no model there"); } };',
    ),
  ];
  for (const embedder of unusable) {
    const { code, stderr } = await simulate(path, "--embedder", embedder);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /hint: /);
  }
  const hashed = join(folder, "hashed.jsonl");
  await writeFile(hashed, '{"time":1,"request":"a"}\n{"time":2,"request":"a"}\n');
  assert.match((await simulate(hashed, "--embedder", "trigrams")).stderr, /none of their texts/);
  assert.equal(
    (await simulate(path, "--embedder", "trigrams", "--embeddings", "x", "--dimensions", "3")).code,
    4,
  );
});

test("requests routed by client; a CSV's columns as they were read, guessed or told", async () => {
  const csv = join(folder, "requests.csv");
  const rows = Array.from(
    { length: 300 },
    (_, i) => `${1_790_000_000 + i},user-${i % 7},gpt-4o,SECRET ${(i * i) % 41},${100 + i},20`,
  );
  await writeFile(csv, `When,user_id,model,prompt,input_tokens,output_tokens\n${rows.join("\n")}\n`);
  const args = [csv, "--strategies", "tiered", "--routing", "sticky", "--sizes", "2"];
  const guessed = await simulate(...args);
  assert.equal(guessed.code, 0, guessed.stderr);
  assert.match(
    guessed.stdout,
    /^Columns: client=user_id,model=model,request=prompt,promptTokens=input_tokens,outputTokens=output_tokens \(others: --columns\)$/m,
  );
  assert.match(guessed.stdout, /replicas, sticky/);
  const map = "time=When,client=user_id,request=prompt,promptTokens=input_tokens";
  const told = await simulate(...args, "--columns", map);
  assert.ok(told.stdout.includes(`Columns: ${map}`), told.stdout);
  assert.ok(![guessed, told].some(({ stdout, stderr }) => `${stdout}${stderr}`.includes("SECRET")));
});

test("a log without times: repeats are hits that save, not requests that pay again", async () => {
  const path = join(folder, "untimed.jsonl");
  const line = (key: number) =>
    JSON.stringify({
      model: "gpt-4o",
      request: { messages: [{ role: "user", content: `question ${key}` }] },
      promptTokens: 500,
      outputTokens: 100,
    });
  await writeFile(path, `${Array.from({ length: 40 }, (_, row) => line(row % 4)).join("\n")}\n`);
  const json = join(folder, "untimed.json");
  const { code, stderr, stdout } = await simulate(
    path,
    "--strategies",
    "exact",
    "--sizes",
    "1",
    "--json",
    json,
  );
  assert.equal(code, 0, stderr);
  const report = reportSchema.parse(JSON.parse(await readFile(json, "utf8")));
  assert.notEqual(report.advice.recommended, null);
  assert.equal(report.strategies[0]?.joined, 0);
  assert.match(stdout, /has no times/);
});

test("what cannot be written, lost or tried on this log is told before the work, with exit code 4", async () => {
  const path = await chatLog();
  for (const args of [
    ["--json", join(folder, "no-such-folder", "r.json")],
    ["--lose", "l2:3/3@1m"],
    ["--lose", "all@1d"],
    ["--strategies", "ttl", "--ttl", "1d"],
    ["--strategies", "prefix", "--format", "openai"],
  ]) {
    const { code, stderr } = await simulate(path, ...args);
    assert.equal(code, 4, `${args}: ${stderr}`);
    assert.match(stderr, /hint: /);
  }
});

test("a time to live that the log does not reach is told, however long the log is", async () => {
  const path = join(folder, "two-days.jsonl");
  const line = (row: number) =>
    JSON.stringify({
      time: 1_790_000_000_000 + row * 3_600_000,
      model: "gpt-4o",
      request: { messages: [{ role: "user", content: `question ${row % 4}` }] },
      promptTokens: 500,
      outputTokens: 100,
    });
  await writeFile(path, `${Array.from({ length: 49 }, (_, row) => line(row)).join("\n")}\n`);
  const args = ["--strategies", "exact,ttl", "--ttl", "1h,72h", "--sizes", "1", "--policies", "lru"];
  const { code, stderr, stdout } = await simulate(path, ...args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /- Of --ttl, 72\.0 h is no shorter than the log/);
});

test("a service's environment that cannot be written is a mistake, and it says whether anything was tried", async () => {
  const out = join(folder, "nothing.env");
  const tiny = ["--sizes", "1", "--write-config", out];
  const chat = await chatLog();
  const unserved = await simulate(chat, "--strategies", "exact", "--policies", "sieve", ...tiny);
  assert.equal(unserved.code, 4, unserved.stderr);
  assert.match(unserved.stderr, /none of the strategies tried is a cache that the service has/);
  // Nothing is gained by the price of Redis.
  const dear = ["--strategies", "exact", "--policies", "lru", "--redis-gib-hour", "1000000000000"];
  const useless = await simulate(chat, ...dear, ...tiny);
  assert.equal(useless.code, 4, useless.stderr);
  assert.match(useless.stderr, /no cache that the service has gains anything here/);
  await assert.rejects(readFile(out), /ENOENT/);
});
