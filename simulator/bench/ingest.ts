import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import openai from "../log/formats/openai.ts";
import { LogBuilder } from "../log/log-builder.ts";
import { Problems } from "../log/problems.ts";
import { readLog } from "../log/read.ts";
import type { BenchRow } from "./bench-row.ts";

const MEMORY_ROWS = 100_000;
const MEMORY_ROUNDS = 15;
/** 40 copies: a log of 4 million rows and 600 MB. */
const FILE_COPIES = 40;
const FILE_ROUNDS = 3;
const firstMs = 1_763_890_000_000;
const stepMs = 7;
const padding = 16;
const blockBytes = 4 * 1024 * 1024;

/** Of JSON.parse's time for the same lines to ours. */
const MIN_RATIO = 4;

/**
 * How fast JSON lines become columns, beside JSON.parse a line in the same run, turn about, the best of each. First in
 * memory, on one thread; then as `npm run simulate` reads a file, on all cores. What is timed is the whole way of a
 * row: scanned and checked, hashed, interned, put into columns. JSON.parse's side does nothing with what it parsed.
 */
export async function* ingestRows(): AsyncGenerator<BenchRow> {
  const text = Buffer.from(`${accessLog(MEMORY_ROWS).join("\n")}\n`);
  const name = `rows of ${(text.length / MEMORY_ROWS).toFixed(0)} bytes`;
  yield* inMemory(text, name);
  const folder = await mkdtemp(join(tmpdir(), "breakwater-ingest-"));
  try {
    const path = join(folder, "log.jsonl");
    await writeCopies(path, text);
    yield* fromFile(path, name);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function* inMemory(text: Buffer, name: string): AsyncGenerator<BenchRow> {
  const bytes = new Uint8Array(text.length + padding);
  bytes.set(text);
  const view = new DataView(bytes.buffer);
  const buffer = Buffer.from(bytes.buffer);
  let parseMs = Number.POSITIVE_INFINITY;
  let ingestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < MEMORY_ROUNDS; round++) {
    parseMs = Math.min(parseMs, await timed(async () => parseLines(buffer, text.length).rows));
    ingestMs = Math.min(
      ingestMs,
      await timed(async () => {
        const builder = new LogBuilder();
        openai.open(builder, new Problems(), {}).read({ bytes, view, from: 0, to: text.length, last: true });
        return builder.rows;
      }),
    );
  }
  yield rate(`in memory, one thread, ${name}: JSON.parse`, MEMORY_ROWS, parseMs);
  yield rate("  to columns", MEMORY_ROWS, ingestMs);
  yield { name: "  ratio", value: parseMs / ingestMs, unit: "×", goal: { atLeast: MIN_RATIO } };
}

async function* fromFile(path: string, name: string): AsyncGenerator<BenchRow> {
  const rows = FILE_COPIES * MEMORY_ROWS;
  let parseMs = Number.POSITIVE_INFINITY;
  let ingestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < FILE_ROUNDS; round++) {
    parseMs = Math.min(parseMs, await timed(() => parseFile(path), rows));
    ingestMs = Math.min(ingestMs, await timed(async () => (await readLog(path)).log.rows, rows));
  }
  const readlineMs = await timed(() => parseByReadline(path), rows);
  yield rate(`from a file, ${rows / 1e6} million ${name}: JSON.parse`, rows, parseMs);
  yield rate("  node:readline and JSON.parse", rows, readlineMs);
  yield rate(`  to columns, ${availableParallelism()} cores`, rows, ingestMs);
  yield { name: "  ratio", value: parseMs / ingestMs, unit: "×", goal: { atLeast: MIN_RATIO } };
  yield { name: "  ratio to readline", value: readlineMs / ingestMs, unit: "×" };
}

/** Parses the whole lines; where they end. */
function parseLines(buffer: Buffer, to: number): { rows: number; end: number } {
  let rows = 0;
  let end = 0;
  for (let at = 0; at < to; at = end) {
    const lineFeed = buffer.indexOf(0x0a, at);
    if (lineFeed < 0 || lineFeed >= to) break;
    const row: { promptTokens: number } = JSON.parse(buffer.toString("utf8", at, lineFeed));
    if (row.promptTokens > 0) rows++;
    end = lineFeed + 1;
  }
  return { rows, end };
}

/** As quick as a file's lines come to JSON.parse: in blocks of the size that ours are. */
async function parseFile(path: string): Promise<number> {
  await using file = await open(path);
  const block = Buffer.alloc(2 * blockBytes);
  let filled = 0;
  let total = 0;
  for (;;) {
    const { bytesRead } = await file.read(block, filled, block.length - filled);
    if (bytesRead === 0) return total;
    filled += bytesRead;
    const { rows, end } = parseLines(block, filled);
    total += rows;
    block.copy(block, 0, end, filled);
    filled -= end;
  }
}

async function parseByReadline(path: string): Promise<number> {
  let rows = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const row: { promptTokens: number } = JSON.parse(line);
    if (row.promptTokens > 0) rows++;
  }
  return rows;
}

async function timed(run: () => Promise<number>, rows = MEMORY_ROWS): Promise<number> {
  const start = performance.now();
  const done = await run();
  const ms = performance.now() - start;
  if (done !== rows) throw new Error(`Cannot compare: ${done} rows were read of ${rows}`);
  return ms;
}

function rate(name: string, rows: number, ms: number): BenchRow {
  return { name, value: rows / ms / 1000, unit: "M rows/s" };
}

/** Each copy's rows come later than those of the copy before. */
async function writeCopies(path: string, text: Buffer): Promise<void> {
  await using file = await open(path, "w");
  const copy = Buffer.from(text);
  for (let number = 0; number < FILE_COPIES; number++) {
    let row = number * MEMORY_ROWS;
    for (let at = 0; at < copy.length; at = copy.indexOf(0x0a, at) + 1) {
      copy.write(String(firstMs + row++ * stepMs), at + '{"time":'.length, "latin1");
    }
    await file.writeFile(copy);
  }
}

/** Rows of about 150 bytes as a service writes them, keys Zipf-like over 20,000. */
function accessLog(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const random = ((i * 2_654_435_761) % 4_294_967_296) / 4_294_967_296;
    const key = Math.floor(20_000 ** random);
    return JSON.stringify({
      time: firstMs + i * stepMs,
      tenant: `team-${key % 7}`,
      model: "gpt-4o-mini",
      request: createHash("md5").update(String(key)).digest("hex").slice(0, 22),
      promptTokens: 100 + (key % 900),
      outputTokens: 20 + (key % 300),
      latencyMs: 300 + (key % 3000),
    });
  });
}
