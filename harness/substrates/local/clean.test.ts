import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cleanLeftovers } from "./clean.ts";
import { processStat } from "./proc.ts";
import { ledgerName } from "./processes.ts";

test("what a dead run has left is ended and told once each, with its name where the ledger has it", async () => {
  const runsDir = await mkdtemp(join(tmpdir(), "breakwater-clean-"));
  const mark = `run/${runsDir}`;
  const left = Array.from({ length: 5 }, () =>
    spawn("sleep", ["300"], { detached: true, stdio: "ignore", env: { BREAKWATER_RUN: mark } }),
  );
  try {
    await Promise.all(left.map((child) => once(child, "spawn")));
    const exits = left.map((child) => once(child, "exit"));
    const pids = left.map(({ pid = 0 }) => pid);
    // The last one is in no ledger: what was started has started it.
    const named = await Promise.all(
      pids.slice(0, -1).map(async (pid) => ({ name: "api-0", identity: (await processStat(pid)).identity })),
    );
    const ledger = [{ name: "harness", identity: "1@0", mark }, ...named];
    await writeFile(join(runsDir, ledgerName), ledger.map((entry) => JSON.stringify(entry)).join("\n"));

    const { processes } = await cleanLeftovers(runsDir);
    await Promise.all(exits);
    const told = processes.map((line) => line.replace(/^[^:]*: /, ""));
    assert.deepEqual(told, [...pids.slice(0, -1).map((pid) => `api-0 (pid ${pid})`), `pid ${pids.at(-1)}`]);
    await assert.rejects(access(join(runsDir, ledgerName)));
  } finally {
    for (const child of left) child.kill("SIGKILL");
    await rm(runsDir, { recursive: true });
  }
});
