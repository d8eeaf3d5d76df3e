import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { access } from "node:fs/promises";
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

for (const [what, signal] of [
  ["Ctrl-C", "SIGINT"],
  ["SIGTERM", "SIGTERM"],
] as const) {
  test(`${what} in the middle of a fault: healed, stopped, reported, exit 130`, {
    timeout: 120_000,
  }, async () => {
    await using run = await startCli(["redis-unreachable"]);
    await run.event(faultProven);
    run.child.kill(signal);
    assert.equal(await run.exit, 130, run.output());
    assert.equal((await run.verdict()).outcome, "INTERRUPTED");
    await leavesNothing(run);
  });
}

test("Ctrl-C while the system starts", { timeout: 120_000 }, async () => {
  await using run = await startCli(["steady"]);
  await run.event((event) => event.type === "process-started" && event.process === "redis-3");
  run.child.kill("SIGINT");
  assert.equal(await run.exit, 130, run.output());
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

test("loss of the parent is a request to stop", { timeout: 120_000 }, async () => {
  await using run = await startCli(["node-kill"], {}, ["sh", "-c", '"$@"; true', "sh"]);
  await run.event(phase("baseline"));
  run.child.kill("SIGKILL");
  await run.exit;
  await run.event((event) => event.type === "run-ended").catch(() => {});
  await gone(run);
  for (
    let looks = 0;
    looks < 100 && !(await run.events()).some(({ type }) => type === "run-ended");
    looks += 1
  )
    await delay(100);
  assert.ok((await run.events()).some((event) => event.type === "run-ended" && event.how === "interrupted"));
  await delay(500);
  await leavesNothing(run);
});

test("a journal on a full disk: one clear error, exit 3, nothing stays", { timeout: 120_000 }, async () => {
  // The run's folder is there already, with a journal that leads to a disk that is always full.
  await using full = await startCli(["steady"], {}, [
    "sh",
    "-c",
    'for last; do :; done; mkdir -p "$last"; ln -s /dev/full "$last/journal.ndjson"; exec "$@"',
    "sh",
  ]);
  assert.equal(await full.exit, 3, full.output());
  assert.match(full.output(), /JOURNAL_UNWRITABLE|No space left|ENOSPC/);
  assert.equal(full.output().includes("    at "), false, "no stack");
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
