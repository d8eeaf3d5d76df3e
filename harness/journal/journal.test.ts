import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openAppendFile } from "./append-file.ts";
import { parseJournal } from "./reader.ts";
import { openSamples } from "./samples.ts";
import { openJournal } from "./writer.ts";

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "breakwater-journal-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test("events are stamped, and read back as they were written", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "journal.ndjson");
  let nowMs = 1.23456;
  const journal = openJournal(path, () => nowMs);
  const first = journal.record("harness", { type: "phase-started", phase: "baseline" });
  nowMs = 500;
  const second = journal.record("k6", { type: "arrivals-dropped", count: 3 }, 420);
  assert.deepEqual(first, {
    atMs: 1.235,
    source: "harness",
    arm: "main",
    attempt: 1,
    type: "phase-started",
    phase: "baseline",
  });
  assert.equal(second.atMs, 420);
  journal.close();
  assert.deepEqual(parseJournal(await readFile(path, "utf8"), path), { events: [first, second], cut: false });
});

test("what was recorded survives a kill -9 of the process", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "journal.ndjson");
  const writer = JSON.stringify(import.meta.resolve("./writer.ts"));
  const samples = JSON.stringify(import.meta.resolve("./samples.ts"));
  const program = `
    import { openJournal } from ${writer};
    import { openSamples } from ${samples};
    const journal = openJournal(${JSON.stringify(path)}, () => 1);
    openSamples(${JSON.stringify(join(folder.path, "samples.csv"))});
    for (let count = 1; count <= 100; count += 1) journal.record("k6", { type: "arrivals-dropped", count });
    process.kill(process.pid, "SIGKILL");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" });
  const [, signal] = await once(child, "exit");
  assert.equal(signal, "SIGKILL");
  assert.equal(parseJournal(await readFile(path, "utf8"), path).events.length, 100);
});

test("a last line that was cut is left out and said so, damage elsewhere is an error", () => {
  const line = '{"atMs":1,"source":"k6","arm":"main","attempt":1,"type":"arrivals-dropped","count":1}';
  assert.deepEqual(parseJournal("", "j"), { events: [], cut: false });
  const cut = parseJournal(`${line}\n${line.slice(0, 30)}`, "j");
  assert.deepEqual([cut.events.length, cut.cut], [1, true]);
  assert.equal(parseJournal(`${line}\n${line}`, "j").cut, true);
  for (const damage of [line.slice(0, 30), "", "null", '{"type":"clock"}', "\0\0\0"]) {
    assert.throws(
      () => parseJournal(`${line}\n${damage}\n${line}\n`, "j"),
      { code: "JOURNAL_DAMAGED" },
      damage,
    );
  }
});

test("a full disk is one error, told to who awaits it and to who closes", { timeout: 20_000 }, async () => {
  const journal = openJournal("/dev/full", () => 1);
  journal.record("k6", { type: "arrivals-dropped", count: 1 });
  journal.record("k6", { type: "arrivals-dropped", count: 2 });
  await assert.rejects(journal.broken, { code: "JOURNAL_UNWRITABLE", kind: "HARNESS_ERROR" });
  assert.throws(() => journal.close(), { code: "JOURNAL_UNWRITABLE" });
});

test("samples on a full disk are the same error, without waiting for the end", {
  timeout: 20_000,
}, async () => {
  const samples = openSamples("/dev/full");
  await assert.rejects(samples.broken, { code: "JOURNAL_UNWRITABLE", kind: "HARNESS_ERROR" });
  assert.throws(() => samples.close(), { code: "JOURNAL_UNWRITABLE" });
});

test("a file that cannot be opened is an error at once", () => {
  assert.throws(() => openJournal("/dev/null/journal", () => 1), { code: "JOURNAL_UNWRITABLE" });
});

test("a failure that nobody awaits does not end the process", async () => {
  const file = openAppendFile("/dev/full");
  file.append("x");
  await delay(5);
  assert.throws(() => file.close(), { code: "JOURNAL_UNWRITABLE" });
});
