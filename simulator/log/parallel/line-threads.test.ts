import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { RequestLog } from "../log.ts";
import { type ReadOptions, readLog } from "../read.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "threads-"));
});
after(() => rm(folder, { recursive: true }));

const rows = 60_000;
const firstMs = Date.UTC(2026, 10, 1);

/** What three threads make of a log is, to the bit and the line number, what one makes of it. */
async function assertSame(name: string, content: string | Uint8Array, options: ReadOptions = {}) {
  const path = join(folder, name);
  await writeFile(path, content);
  const alone = await readLog(path, { ...options, threads: 1 });
  const together = await readLog(path, { ...options, threads: 3, threadsFromBytes: 0 });
  assert.deepEqual(together.report, alone.report);
  assert.deepEqual(Object.keys(together.log), Object.keys(alone.log));
  const columns = new Map(columnsOf(together.log));
  for (const [name, value] of columnsOf(alone.log)) {
    // A difference of 60,000 numbers is not to be shown.
    const [first, second] = [value, columns.get(name)].map((part) =>
      ArrayBuffer.isView(part) ? Buffer.from(part.buffer).toString("latin1") : JSON.stringify(part),
    );
    assert.ok(first === second, name);
  }
  return alone;
}

const columnsOf = ({ blocks, nearest, ...columns }: RequestLog): [string, unknown][] => [
  ...Object.entries(columns),
  ...Object.entries({ ...blocks, ...nearest }),
];

const lines = (lineOf: (row: number) => unknown): string =>
  Array.from({ length: rows }, (_, row) => {
    const line = lineOf(row);
    return `${typeof line === "string" ? line : JSON.stringify(line)}\n`;
  }).join("");

/** 10 to 20 MB: several blocks for each thread. Every kind of column, out of order here and there, bad lines. */
const mixed = (row: number): unknown => {
  if (row % 997 === 3) return '{"time": 1,';
  if (row % 1009 === 5) return { time: firstMs + row, request: "k", status: 500 };
  const tenant = row < 20_000 ? {} : { tenant: `t${(row * row) % 11}` };
  return {
    ...(row % 100 === 7 ? {} : { time: firstMs + 10 * row - (row % 50 === 9 ? 500 : 0) }),
    ...tenant,
    ...(row % 3 === 0 ? { client: `c${row % 700}` } : {}),
    ...(row % 4 === 0
      ? { model: `m${row % 5}`, request: `hash-${(row * 7) % 9001}`, normalised: `n${(row * 7) % 4000}` }
      : {
          request: {
            model: `m${row % 3}`,
            messages: [{ role: "user", content: `${"x".repeat(150 + (row % 400))} ${(row * 13) % 5003}` }],
          },
        }),
    ...(row % 8 === 0 ? { nearest: `hash-${(row * 3) % 9001}`, similarity: (row % 100) / 100 } : {}),
    ...(row % 9 === 0 ? { cachedTokens: 5 } : {}),
    ...(row % 6 === 0 ? { rule: "cacheable" } : {}),
    promptTokens: row % 1000,
    outputTokens: row % 77,
    latencyMs: row % 1300,
    responseBytes: row % 4000,
    cache: row % 60 === 0 ? "hit" : "miss",
  };
};

test("an access log: the same rows, ids and problems, whatever thread reads them", async () => {
  const { log, report } = await assertSame("mixed.jsonl", lines(mixed), { mostMalformedShare: 0.05 });
  assert.ok(report.malformed > 50 && log.rows > 59_000);
  for (const column of ["client", "nearest", "cachedTokens", "blocks", "keyScope"])
    assert.ok(column in log, column);
});

/** Tenants and models that come one after the other: what is a thread's first is not the log's. */
const inTurn = (row: number): unknown => ({
  time: firstMs + row,
  tenant: `t${Math.floor(row / 20_000) % 2}`,
  model: `m${Math.floor(row / 30_000)}`,
  request: `k${row % 77} ${"v".repeat(300)}`,
});

test("a log in gzip, its last line without an end, one line longer than a block", async () => {
  const long = JSON.stringify({ time: firstMs + 1e6, request: { prompt: "y".repeat(9_000_000) } });
  const text = `${lines(inTurn)}${long}\n{"time":${firstMs + 2e6},"request":"last"}`;
  const { log } = await assertSame("long.jsonl.gz", gzipSync(text, { level: 1 }));
  assert.equal(log.rows, rows + 2);
});

test("an export in JSON lines, with and without bodies", async () => {
  await assertSame(
    "litellm.jsonl",
    lines((row) => ({
      call_type: "acompletion",
      startTime: (firstMs + row) / 1000,
      endTime: (firstMs + row + 900) / 1000,
      model: `m${row % 4}`,
      team_id: `team-${row % 3}`,
      end_user: `u${row % 500}`,
      prompt_tokens: row % 900,
      completion_tokens: 9,
      ...(row % 5 === 0
        ? {}
        : { messages: [{ role: "user", content: `question ${(row * 17) % 6007} ${"z".repeat(300)}` }] }),
    })),
  );
});

test("a log with an invalidation, which looks back at all before it, is read by one thread", async () => {
  const { log } = await assertSame(
    "invalidation.jsonl",
    lines((row) =>
      row === rows - 3
        ? { time: firstMs + row, event: "invalidate", request: "early" }
        : {
            time: firstMs + row,
            tenant: `t${row % 2}`,
            request: row < 20 ? "early" : `k${row % 5}`,
            note: "w".repeat(100),
          },
    ),
  );
  // The one line drops the answers of both tenants.
  assert.equal(log.rows, rows + 1);
});

test("threads leave out, or keep, what may not be stored", async () => {
  const content = lines((row) => ({
    ...{ time: firstMs + row, request: `k${row % 50}`, note: "w".repeat(100) },
    rule: row % 3 === 0 ? "sampled" : "cacheable",
  }));
  const { log } = await assertSame("rules.jsonl", content);
  assert.equal(log.rows, (2 * rows) / 3);
  const kept = await assertSame("rules.jsonl", content, { keepUncacheable: true });
  assert.equal(kept.log.rows, rows);
});

test("what stops one thread stops all: an interruption, too many bad lines", async () => {
  const path = join(folder, "mixed.jsonl");
  const threads = { threads: 2, threadsFromBytes: 0 };
  await assert.rejects(readLog(path, { ...threads, mostMalformedShare: 0 }), { code: "TOO_MANY_MALFORMED" });
  const abort = new AbortController();
  const reading = readLog(path, { ...threads, signal: abort.signal, onProgress: () => abort.abort() });
  await assert.rejects(reading, { name: "AbortError" });
});
