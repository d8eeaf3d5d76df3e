/*
 * How fast JSON lines become columns, against JSON.parse a line in the same run: same bytes, same thread, turn
 * about, the best of each. What is timed is the whole way of a row: scanned and checked, hashed, interned, put
 * into columns; JSON.parse's side does nothing with what it parsed.
 */
import { createHash } from "node:crypto";
import openai from "../log/formats/openai.ts";
import { LogBuilder } from "../log/log-builder.ts";
import { Problems } from "../log/problems.ts";

const rows = 100_000;
const rounds = 15;
const padding = 16;

const lines = accessLog(rows);
const text = Buffer.from(`${lines.join("\n")}\n`);
const bytes = new Uint8Array(text.length + padding);
bytes.set(text);
const view = new DataView(bytes.buffer);
const buffer = Buffer.from(bytes.buffer);

let parseMs = Number.POSITIVE_INFINITY;
let ingestMs = Number.POSITIVE_INFINITY;
let checksum = 0;
for (let round = 0; round < rounds; round++) {
  parseMs = Math.min(parseMs, timed(parseLines));
  ingestMs = Math.min(ingestMs, timed(ingest));
}

const bytesPerRow = text.length / rows;
console.log(`JSON lines of ${bytesPerRow.toFixed(0)} bytes, best of ${rounds} rounds of ${rows} rows:`);
console.log(`  JSON.parse a line  ${rate(parseMs)}`);
console.log(`  ingest to columns  ${rate(ingestMs)}`);
console.log(`  ratio              ${(parseMs / ingestMs).toFixed(2)} (goal 4)`);
if (checksum === 0) throw new Error("nothing was read");

function parseLines(): void {
  for (let at = 0; at < text.length; ) {
    const end = buffer.indexOf(0x0a, at);
    const row: { promptTokens: number } = JSON.parse(buffer.toString("utf8", at, end));
    checksum += row.promptTokens;
    at = end + 1;
  }
}

function ingest(): void {
  const builder = new LogBuilder();
  const problems = new Problems();
  openai.open(builder, problems, {}).read({ bytes, view, from: 0, to: text.length, last: true });
  if (builder.rows !== rows || problems.malformed !== 0) throw new Error("rows are missing");
  checksum += builder.keys.size;
}

function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function rate(ms: number): string {
  return `${(rows / ms / 1000).toFixed(2)} M rows/s, ${(text.length / ms / 1000).toFixed(0)} MB/s`;
}

/** Rows of about 150 bytes as the service writes them, keys Zipf-like over 20,000. */
function accessLog(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const random = ((i * 2_654_435_761) % 4_294_967_296) / 4_294_967_296;
    const key = Math.floor(20_000 ** random);
    return JSON.stringify({
      time: 1_763_890_000_000 + i * 7,
      tenant: `team-${key % 7}`,
      model: "gpt-4o-mini",
      request: createHash("md5").update(String(key)).digest("hex").slice(0, 22),
      promptTokens: 100 + (key % 900),
      outputTokens: 20 + (key % 300),
      latencyMs: 300 + (key % 3000),
    });
  });
}
