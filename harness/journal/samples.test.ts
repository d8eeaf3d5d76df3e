import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { sample } from "../testing/recorded-run.ts";
import { phaseNames, type Sample } from "./event.ts";
import { openSamples, parseSamples } from "./samples.ts";

function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "breakwater-samples-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function written(samples: readonly Sample[]): string {
  using folder = temporaryFolder();
  const path = join(folder.path, "samples.csv");
  const writer = openSamples(path);
  for (const one of samples) writer.add(one);
  writer.close();
  return readFileSync(path, "utf8");
}

const anySample: fc.Arbitrary<Sample> = fc.record({
  startMs: fc.integer({ min: -1_000_000, max: 100_000_000 }).map((us) => us / 1000),
  durationMs: fc.nat({ max: 9_000_000 }).map((us) => us / 1000),
  status: fc.nat({ max: 599 }),
  error: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", '"', ',"\n', '""', "a,b", "\r\n")),
  phase: fc.constantFrom(...phaseNames, ""),
  cache: fc.constantFrom("hit", "miss", "bypass", ""),
  answer: fc.constantFrom("right", "wrong", "foreign", "stale", ""),
  source: fc.constant("k6"),
  arm: fc.constant("main"),
  attempt: fc.integer({ min: 1, max: 9 }),
});

test("samples are read back as they were written, whatever their errors say", () => {
  fc.assert(
    fc.property(fc.array(anySample, { maxLength: 20 }), (samples) => {
      // Lone surrogates have no encoding in a file.
      const encodable = samples.map((one) => ({ ...one, error: one.error.toWellFormed() }));
      assert.deepEqual(parseSamples(written(encodable), "s"), { samples: encodable, cut: false });
    }),
    { numRuns: 100 },
  );
});

test("wherever a crash cuts the file, the rows before are read, and no row is invented", () => {
  const samples = [sample(1), sample(2, { error: 'a "b",\nc' }), sample(3)];
  const text = written(samples);
  const header = text.indexOf("\n") + 1;
  for (let length = 0; length <= text.length; length += 1) {
    const read = parseSamples(text.slice(0, length), "s");
    assert.deepEqual(read.samples, samples.slice(0, read.samples.length));
    assert.equal(read.cut, length !== 0 && !wholeRows(text, header).has(length), `at ${length}`);
  }
});

/** Lengths at which the file ends with a whole row; the newline inside quotes is none. */
function wholeRows(text: string, header: number): ReadonlySet<number> {
  const inQuotes = text.indexOf("\nc");
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index).filter((index) => index !== inQuotes);
  return new Set([header, ...ends.map((index) => index + 1)]);
}

test("rows that are no samples are an error, with their number", () => {
  const text = written([sample(1), sample(2), sample(3)]);
  const lines = text.split("\n");
  const replaced = (line: string) => [lines[0], lines[1], line, lines[3], ""].join("\n");
  const wrong = ["", "1,2,3", "x,10,200,,,hit,right,k6,main,1", ",10,200,,,hit,right,k6,main,1"];
  for (const line of [...wrong, "2,10,200,,,HIT,right,k6,main,1", '2,10,200,"a"b,,hit,right,k6,main,1']) {
    assert.throws(() => parseSamples(replaced(line), "s"), { code: "JOURNAL_DAMAGED" }, line);
  }
  assert.throws(() => parseSamples("a,b\n", "s"), { code: "JOURNAL_DAMAGED" });
});

test("samples reach the file while the load runs", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "samples.csv");
  const writer = openSamples(path);
  writer.add(sample(1));
  for (
    let waits = 0;
    waits < 200 && parseSamples(readFileSync(path, "utf8"), path).samples.length === 0;
    waits += 1
  ) {
    await delay(50);
  }
  assert.equal(parseSamples(readFileSync(path, "utf8"), path).samples.length, 1);
  writer.close();
});

test("100,000 rows are read", (context) => {
  const text = written(
    Array.from({ length: 100_000 }, (_, i) => sample(i, i % 10 === 0 ? { error: "a,b" } : {})),
  );
  const began = performance.now();
  assert.equal(parseSamples(text, "s").samples.length, 100_000);
  context.diagnostic(`read in ${(performance.now() - began).toFixed(0)} ms`);
});
