import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { FormatName } from "./catalog.ts";
import { LogError } from "./log-error.ts";
import { type Progress, type ReadOptions, readLog } from "./read.ts";

const traces = new URL("../data/traces/", import.meta.url);
const trace = (name: string): string => new URL(name, traces).pathname;

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "log-"));
});
after(() => rm(folder, { recursive: true }));

let files = 0;
async function fileOf(content: string | Uint8Array): Promise<string> {
  const path = join(folder, `log-${files++}`);
  await writeFile(path, content);
  return path;
}

async function codeOf(content: string | Uint8Array, options?: ReadOptions): Promise<string> {
  const path = await fileOf(content);
  try {
    await readLog(path, options);
  } catch (thrown) {
    if (thrown instanceof LogError) return thrown.code;
    throw thrown;
  }
  return "none";
}

const total = (column: ArrayLike<number>): number =>
  Array.from(column).reduce((sum, value) => sum + value, 0);
const line = (i: number): string =>
  JSON.stringify({ time: 1_700_000_000_000 + i, model: "m", request: `k${i % 10}`, promptTokens: 5 });
const lines = (count: number): string => Array.from({ length: count }, (_, i) => `${line(i)}\n`).join("");

test("the published traces have the published counts, and their formats are guessed", async () => {
  const counts: [string, FormatName, number, number][] = [
    ["mooncake_conversation_trace.jsonl", "mooncake", 12_031, 11_913],
    ["AzureLLMInferenceTrace_conv.csv.gz", "azure-llm", 19_366, 19_366],
    ["OLTP.lis.zst", "arc", 914_145, 186_880],
    ["cloudPhysicsIO.oracleGeneral.bin", "oracle-general", 113_872, 48_974],
    ["cloudPhysicsIO.vscsi.gz", "vscsi", 113_872, 48_974],
    ["lirs/multi1.trace.gz", "lirs", 15_858, 2_606],
    ["lirs/loop.trace.gz", "lirs", 505_500, 1_011],
    ["lirs/sprite.trace.gz", "lirs", 133_996, 7_075],
  ];
  for (const [name, format, rows, keys] of counts) {
    const { log, report } = await readLog(trace(name));
    assert.deepEqual([name, report.format, log.rows, log.keys], [name, format, rows, keys]);
    assert.deepEqual([report.guessed, report.malformed, report.notes], [true, 0, {}]);
    assert.ok(log.key.buffer instanceof SharedArrayBuffer);
  }
});

test("Mooncake's conversation trace: 288,500 blocks, 182,790 different, 12,035 tokens a prompt", async () => {
  const { log } = await readLog(trace("mooncake_conversation_trace.jsonl"));
  const { blocks } = log;
  assert.ok(blocks);
  assert.deepEqual([blocks.ids.length, blocks.blocks, blocks.tokensPerBlock], [288_500, 182_790, 512]);
  assert.deepEqual([blocks.start[0], blocks.start[1], blocks.start.at(-1)], [0, 14, 288_500]);
  assert.equal(new Set(blocks.ids).size, 182_790);
  assert.equal(Math.floor(total(log.promptTokens) / log.rows), 12_035);
  assert.equal(Math.floor(total(log.outputTokens) / log.rows), 342);
  assert.equal(log.timeMs.at(-1), 3_536_999);
  assert.equal(log.wallStartMs, undefined);
});

test("both forms of the cloudPhysics trace name the same blocks in the same order", async () => {
  const { log: oracle } = await readLog(trace("cloudPhysicsIO.oracleGeneral.bin"));
  const { log: vscsi } = await readLog(trace("cloudPhysicsIO.vscsi.gz"));
  assert.deepEqual(vscsi.key, oracle.key);
  assert.equal(total(oracle.bytes), 4_368_040_448);
  assert.equal(total(vscsi.bytes), 4_205_978_112);
  assert.equal(oracle.timeMs.at(-1), 7_200_000);
});

test("Azure's trace has wall-clock times to the tenth of a microsecond", async () => {
  const { log } = await readLog(trace("AzureLLMInferenceTrace_conv.csv.gz"));
  assert.equal(log.wallStartMs, Date.UTC(2023, 10, 16, 18, 15, 46) + 680.59);
  assert.ok(Math.abs((log.timeMs[1] ?? 0) - 4314.579) < 0.001);
  assert.deepEqual([log.promptTokens[0], log.outputTokens[0], log.promptTokens[1]], [374, 44, 396]);
});

test("gzip and Zstandard are read whatever the name, and a byte order mark is passed over", async () => {
  const text = lines(50);
  const halves = [text.slice(0, 1000), text.slice(1000)];
  const inParts = [gzipSync, zstdCompressSync].map((compress) =>
    Buffer.concat(halves.map((half) => compress(half))),
  );
  const skippable = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  for (const content of [
    text,
    `\uFEFF${text}`,
    text.trimEnd(),
    gzipSync(text),
    zstdCompressSync(text),
    ...inParts,
    Buffer.concat([skippable, zstdCompressSync(text)]),
    Buffer.concat([zstdCompressSync(text), skippable]),
  ]) {
    const { log, report } = await readLog(await fileOf(content));
    assert.deepEqual(
      [report.format, report.records, report.malformed, log.rows, log.keys],
      ["openai", 50, 0, 50, 10],
    );
  }
});

test("malformed lines are counted and told by number, without a word of them", async () => {
  const path = await fileOf(`${lines(500)}{"request":"secret"\n\n${lines(499)}{"time":1}\n`);
  const { log, report } = await readLog(path);
  assert.deepEqual([log.rows, report.records, report.malformed], [999, 1001, 2]);
  assert.deepEqual(
    report.malformedExamples.map((example) => example.line),
    [501, 1002],
  );
  assert.doesNotMatch(JSON.stringify(report), /secret/);
});

test("above a stated share malformed lines are an error", async () => {
  const text = `${lines(98)}{]\n{]\n`;
  assert.equal(await codeOf(text), "TOO_MANY_MALFORMED");
  assert.equal(await codeOf(text, { mostMalformedShare: 0.019 }), "TOO_MANY_MALFORMED");
  assert.equal(await codeOf(text, { mostMalformedShare: 0.02 }), "none");
});

test("what cannot be read says why by its code", async () => {
  assert.equal(await codeOf(""), "EMPTY_LOG");
  assert.equal(await codeOf("hello\nworld\n"), "UNKNOWN_FORMAT");
  assert.equal(await codeOf('{"some":"json"}\n'), "UNKNOWN_FORMAT");
  assert.equal(await codeOf('{"request":"a","status":500}\n'), "EMPTY_LOG");
  assert.equal(await codeOf(gzipSync(lines(50)).subarray(0, 100)), "UNREADABLE");
  await assert.rejects(readLog(join(folder, "none")), { code: "NO_SUCH_LOG" });
});

test("a record longer than the work buffer is read whole, and progress reaches the end", async () => {
  const long = JSON.stringify({
    time: 1_700_000_000,
    model: "m",
    request: { prompt: "x".repeat(9_000_000) },
  });
  const path = await fileOf(`${line(1)}\n${long}\n${line(2)}\n`);
  const seen: Progress[] = [];
  const { log } = await readLog(path, { onProgress: (progress) => seen.push(progress) });
  assert.equal(log.rows, 3);
  const last = seen.at(-1);
  assert.deepEqual([last?.bytesRead, last?.rows], [last?.bytesTotal, 3]);
});

test("reading stops when it is told to", async () => {
  const path = await fileOf(lines(100));
  await assert.rejects(readLog(path, { signal: AbortSignal.abort() }), { name: "AbortError" });
});

test("rows come in time order, and rows of one time as they were written", async () => {
  const rows = [
    [3000, "c"],
    [1000, "a"],
    [2000, "b"],
    [1000, "a2"],
  ];
  const text = rows.map(([offset, request]) =>
    JSON.stringify({ time: 1_700_000_000_000 + Number(offset), request, promptTokens: Number(offset) }),
  );
  const { log } = await readLog(await fileOf(text.join("\n")));
  assert.deepEqual([...log.timeMs], [0, 0, 1000, 2000]);
  assert.deepEqual([...log.promptTokens], [1000, 1000, 2000, 3000]);
  assert.deepEqual([...log.key], [1, 3, 2, 0]);
  assert.equal(log.wallStartMs, 1_700_000_001_000);
});

test("a million rows need memory for their columns, not for their texts", async () => {
  // 64 different bodies of 2 kB, a million times: 2 GB of text, compressed to little.
  const bodies = Array.from({ length: 64 }, (_, i) =>
    JSON.stringify({ model: "m", prompt: `${i} ${"word ".repeat(400)}` }),
  );
  const block = Array.from(
    { length: 10_000 },
    (_, i) => `{"time":${1_700_000_000_000 + i},"request":${bodies[i % 64]}}\n`,
  ).join("");
  const compressed = zstdCompressSync(block);
  const path = await fileOf(Buffer.concat(Array.from({ length: 100 }, () => compressed)));
  const before = process.memoryUsage.rss();
  let most = 0;
  const { log } = await readLog(path, {
    onProgress: () => {
      most = Math.max(most, process.memoryUsage.rss() - before);
    },
  });
  assert.deepEqual([log.rows, log.keys], [1_000_000, 64]);
  assert.ok(most < 400e6, `${Math.round(most / 1e6)} MB`);
});

test("the format is guessed from a first line of any length", async () => {
  const long = JSON.stringify({ time: 1, model: "m", request: { prompt: "x".repeat(200_000) } });
  const { report } = await readLog(await fileOf(`${long}\n${line(2)}\n`));
  assert.deepEqual([report.format, report.records], ["openai", 2]);
});
