import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type RunFolder, runFolderAt } from "../journal/run-folder.ts";
import { openSamples } from "../journal/samples.ts";
import { openJournal } from "../journal/writer.ts";
import { recorded } from "../testing/recorded-run.ts";
import { judge } from "./judge.ts";
import { readRun } from "./read-run.ts";

const run = recorded([{ slo: "availability", limit: "99%", during: ["fault"] }]);

async function writtenRun(): Promise<AsyncDisposable & { folder: RunFolder }> {
  const path = await mkdtemp(join(tmpdir(), "breakwater-run-"));
  const folder = runFolderAt(path);
  await writeFile(folder.plan, JSON.stringify(run.plan));
  const journal = openJournal(folder.journal, () => 0);
  for (const { atMs, source, arm: _arm, attempt: _attempt, ...body } of run.events)
    journal.record(source, body, atMs);
  journal.close();
  const samples = openSamples(folder.samples);
  for (const one of run.samples) samples.add(one);
  samples.close();
  return { folder, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test("a run is read back as it was, and judged to the same bytes", async () => {
  await using written = await writtenRun();
  const read = await readRun(written.folder);
  assert.deepEqual(read, { ...run, cut: [] });
  assert.equal(JSON.stringify(await judge(read.plan, read)), JSON.stringify(await judge(run.plan, run)));
});

test("what a crash has cut is left out and named", async () => {
  await using written = await writtenRun();
  const { folder } = written;
  await writeFile(folder.journal, '{"atMs":14000,"sou', { flag: "a" });
  await writeFile(folder.samples, "12999,1", { flag: "a" });
  const read = await readRun(folder);
  assert.deepEqual(read, { ...run, cut: [folder.journal, folder.samples] });
});

test("a run that ended before its load has no samples", async () => {
  await using written = await writtenRun();
  await rm(written.folder.samples);
  assert.deepEqual((await readRun(written.folder)).samples, []);
});

test("a damaged or missing file is one clear error", async () => {
  await using written = await writtenRun();
  const { folder } = written;
  for (const text of ["", "{", "[]", JSON.stringify({ ...run.plan, version: 2 }), '{"version":1}']) {
    await writeFile(folder.plan, text);
    await assert.rejects(readRun(folder), { code: "PLAN_UNREADABLE", kind: "HARNESS_ERROR" }, text);
  }
  await rm(folder.plan);
  await assert.rejects(readRun(folder), { code: "JOURNAL_DAMAGED" });
});
