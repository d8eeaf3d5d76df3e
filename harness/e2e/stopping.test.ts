import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { RunEvent } from "../journal/event.ts";
import { type CliRun, startCli, stillRunning } from "../testing/cli.ts";

/** However a run ends, nothing of it stays. */
const faultProven = (event: RunEvent) => event.type === "fault" && event.state === "proven";
const phase = (name: string) => (event: RunEvent) => event.type === "phase-started" && event.phase === name;

async function leavesNothing(run: CliRun): Promise<void> {
  assert.deepEqual(await stillRunning(run), []);
  await assert.rejects(access(join(run.folder, "work")), "no working folder");
  await assert.rejects(access(join(run.folder, "processes.ndjson")), "no ledger");
}

async function gone(run: CliRun): Promise<void> {
  for (let looks = 0; looks < 300; looks += 1) {
    if ((await stillRunning(run)).length === 0) return;
    await delay(100);
  }
  assert.deepEqual(await stillRunning(run), []);
}

test("Ctrl-C in the middle of a fault on links: healed, stopped, reported, exit 130", {
  timeout: 120_000,
}, async () => {
  await using run = await startCli(["redis-unreachable"]);
  await run.event(faultProven);
  run.child.kill("SIGINT");
  assert.equal(await run.exit, 130, run.output());
  assert.equal((await run.verdict()).outcome, "INTERRUPTED");
  assert.deepEqual(await readdir(join(run.folder, "undo")), []);
  await leavesNothing(run);
});

test("Ctrl-C twice: at once, and still nothing stays", { timeout: 120_000 }, async () => {
  await using run = await startCli(["node-kill"]);
  await run.event(faultProven);
  run.child.kill("SIGINT");
  await delay(400);
  run.child.kill("SIGINT");
  assert.equal(await run.exit, 130, run.output());
  await leavesNothing(run);
});

test("a journal on a full disk: one clear error, exit 3, nothing stays", { timeout: 120_000 }, async () => {
  // The run's folder is there already, with a journal that leads to a disk that is always full.
  const mark = { BREAKWATER_TEST: randomUUID() };
  await using full = await startCli(["steady"], mark, [
    "sh",
    "-c",
    'for last; do :; done; mkdir -p "$last"; ln -s /dev/full "$last/journal.ndjson"; exec "$@"',
    "sh",
  ]);
  assert.equal(await full.exit, 3, full.output());
  assert.match(full.output(), /JOURNAL_UNWRITABLE|No space left|ENOSPC/);
  assert.equal(full.output().includes("    at "), false, "no stack");
  await assert.rejects(access(join(full.folder, "work")), "no working folder");
  for (const pid of await readdir("/proc")) {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    assert.equal(environment.includes(mark.BREAKWATER_TEST), false, `process ${pid} stayed`);
  }
});

test("clean ends what a killed harness has left, and nothing else", { timeout: 120_000 }, async () => {
  await using run = await startCli(["steady"]);
  await run.event(phase("baseline"));
  run.child.kill("SIGKILL");
  await run.exit;
  assert.ok((await stillRunning(run)).length > 5);
  const cwd = dirname(dirname(run.folder));
  const { status, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, "../cli.ts"), "clean"], {
    cwd,
    encoding: "utf8",
  });
  assert.equal(status, 0);
  assert.match(stdout, /redis-0/);
  await gone(run);
  await leavesNothing(run);
});

test("a service that never gets ready: one clear error with its last words, exit 3, nothing stays", {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "breakwater-ill-"));
  try {
    await writeFile(join(folder, "load.ts"), "");
    await writeFile(
      join(folder, "ill.yaml"),
      `name: ill
services:
  api:
    local: { command: [node, -e, "console.error('no licence key'); setInterval(() => {}, 1000)"] }
    port: PORT
    ready: { path: /ready, within: 2s }
entry: api
load: { script: load.ts, reports: [answer] }
`,
    );
    await using run = await startCli(["steady", "--system", join(folder, "ill.yaml")]);
    assert.equal(await run.exit, 3, run.output());
    assert.match(run.output(), /no licence key/);
    assert.equal((await run.verdict()).reasons[0]?.code, "PROCESS_NOT_READY");
    await leavesNothing(run);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a tool that the environment names and that is not there: exit 3, nothing started", {
  timeout: 60_000,
}, async () => {
  await using run = await startCli(["steady"], { BREAKWATER_K6: "/nowhere/k6" });
  assert.equal(await run.exit, 3, run.output());
  assert.match(run.output(), /TOOL_PATH_WRONG/);
  assert.deepEqual(await run.events(), []);
});
