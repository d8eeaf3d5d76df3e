import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { runCommand } from "./run-command.ts";

const never = new AbortController().signal;
const options = { env: process.env, timeoutMs: 30_000 };

test("runCommand() returns stdout, and rejects with the last lines of stderr", async () => {
  assert.equal(await runCommand("sh", ["-c", "echo out; echo err >&2"], options, never), "out\n");
  await assert.rejects(
    runCommand("sh", ["-c", "echo out; echo why >&2; exit 3"], options, never),
    /ended with 3: why$/,
  );
});

test("runCommand() rejects when the program is not there", async () => {
  await assert.rejects(runCommand("/nonexistent/program", [], options, never), { code: "ENOENT" });
});

test("runCommand() ends the program and its children when it takes too long", async () => {
  const startedAt = performance.now();
  const script = "trap '' INT; sleep 60 & wait; sleep 60";
  await assert.rejects(
    runCommand("sh", ["-c", script], { ...options, timeoutMs: 100 }, never),
    /took longer than 0\.1 s/,
  );
  assert.ok(performance.now() - startedAt < 30_000);
});

test("runCommand() ends the whole process group on abort, children with closed outputs too", async () => {
  const abort = new AbortController();
  const marker = `73${process.pid}`;
  const running = runCommand(
    "sh",
    ["-c", `sleep ${marker} >/dev/null 2>&1 & sleep ${marker}`],
    options,
    abort.signal,
  );
  while ((await processesWith(marker)) < 2) await delay(20);
  abort.abort(new Error("enough"));
  await assert.rejects(running, /^Error: enough$/);
  while ((await processesWith(marker)) > 0) await delay(20);
});

async function processesWith(marker: string): Promise<number> {
  const list = await runCommand("ps", ["-eo", "args"], options, never);
  return list.split("\n").filter((line) => line === `sleep ${marker}`).length;
}
