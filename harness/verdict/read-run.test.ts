import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type RunFolder, runFolderAt } from "../journal/run-folder.ts";
import { openSamples } from "../journal/samples.ts";
import { openJournal } from "../journal/writer.ts";
import type { Plan } from "../plan/plan.ts";
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

test("a plan is read back with everything that it may hold", async () => {
  await using written = await writtenRun();
  const faults = [
    { hits: "nothing" },
    { hits: "member", of: "redis", role: "master", ranks: [1, 0] },
    { hits: "member", of: "api", ranks: [0] },
    { hits: "link", from: "api", to: "redis", role: "replica", ranks: [2] },
    { hits: "link", from: "api", to: "redis", ranks: [2] },
  ] as const;
  const slo = { slo: "latency", limit: { p99: "800ms" }, during: ["baseline", "fault"] } as const;
  for (const mustFail of [{ without: "breaker" }, { slo }, { slo: { ...slo, limit: "9%", during: [] } }]) {
    const plan: Plan = {
      ...run.plan,
      without: ["breaker", "retry"],
      env: { api: { BREAKER: "off" }, model: { SIZE: "4" } },
      load: { ...run.plan.load, env: { FLOOD: "20" }, reads: ["FLOOD", "AGE"], extraPerS: 190.5 },
      faults: faults.map((target, index) => ({
        id: `${index}-some`,
        kind: "some",
        target,
        atMs: 5000 + index,
        forMs: 10.5,
        params: { delay: "400ms", of: [1, { deep: true }] },
      })),
      slos: [slo, ...run.plan.slos],
      mustFail,
    };
    await writeFile(written.folder.plan, JSON.stringify(plan));
    assert.deepEqual((await readRun(written.folder)).plan, plan);
  }
});

test("a plan of before settings of the load script is read, too", async () => {
  await using written = await writtenRun();
  const { env: _env, reads: _reads, ...load } = run.plan.load;
  await writeFile(written.folder.plan, JSON.stringify({ ...run.plan, load }));
  assert.deepEqual((await readRun(written.folder)).plan, run.plan);
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
