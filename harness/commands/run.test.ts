import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { provideTools } from "../toolchain/tools.ts";

const cli = join(import.meta.dirname, "../cli.ts");
const service = join(import.meta.dirname, "../testing/tiny-service.ts");
const folder = await mkdtemp(join(tmpdir(), "breakwater-run-"));
const children: ChildProcess[] = [];
after(async () => {
  // Only where a test has failed is one of them still there.
  const left = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = left.map((child) => once(child, "close"));
  for (const child of left) child.kill("SIGTERM");
  await Promise.all(ended);
  await rm(folder, { recursive: true, force: true });
});

const files = {
  "system.yaml": `
name: tiny
services:
  api:
    local: { command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(service)}] }
    port: PORT
    ready: { path: /ready }
entry: api
load: { script: load.js }
`,
  "load.js": `
import http from "k6/http";
import { Trend } from "k6/metrics";
const request = new Trend("breakwater_request", true);
export default function () {
  const { status, error_code, timings } = http.get(__ENV.BREAKWATER_URL, { timeout: __ENV.BREAKWATER_TIMEOUT_MS + "ms" });
  request.add(timings.duration, { status: String(status), error: error_code ? String(error_code) : "" });
}
`,
  "passes.yaml": scenario("{ availability: 90%, during: baseline }"),
  "fails.yaml": scenario("{ latency: { p50: 1us }, during: baseline }"),
  // Needs 29956 requests in which none has failed.
  "undecided.yaml": scenario("{ availability: 99.99%, during: baseline }"),
  "long.yaml": scenario("{ availability: 90%, during: baseline }", "60s"),
};

function scenario(slo: string, baseline = "2s"): string {
  return `
title: A tiny service
hypothesis: It answers.
load: { rate: 100/s, keys: { distribution: uniform, count: 10 }, timeout: 1s }
phases: { warmup: 1s, baseline: ${baseline} }
slos: [${slo}]
`;
}

interface Started {
  readonly child: ChildProcess;
  /** Everything that was printed so far. */
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

function start(args: readonly string[]): Started {
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => {
      output += chunk;
    });
  }
  return { child, output: () => output, ended: once(child, "close").then(([code]) => code) };
}

async function printed(started: Started, text: RegExp): Promise<void> {
  while (!text.test(started.output())) {
    assert.equal(started.child.exitCode, null, `it ended before it printed ${text}: ${started.output()}`);
    await delay(20);
  }
}

/** Processes of that run, by the mark that the substrate leaves in their environment. */
async function processesOf(runId: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      return environment.split("\0").includes(`BREAKWATER_RUN=${runId}`);
    }),
  );
  return pids.filter((_, index) => marked[index]);
}

async function assertNothingLeft(runDir: string): Promise<void> {
  assert.deepEqual(await processesOf(basename(runDir)), []);
  const left = await readdir(runDir);
  assert.ok(!left.includes("processes.ndjson") && !left.includes("work"), String(left));
}

async function outcomeOf(runDir: string): Promise<string> {
  return JSON.parse(await readFile(join(runDir, "verdict.json"), "utf8")).outcome;
}

suite("run and up, on a system of one small service", { timeout: 240_000 }, async () => {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  // So that no test waits for a tool to be installed.
  await provideTools(() => {}, AbortSignal.timeout(600_000));

  test("a run that passes: exit 0, a folder with everything, nothing left", async () => {
    const run = start(["passes.yaml"]);
    assert.equal(await run.ended, 0, run.output());
    const latest = join(folder, "runs", "latest");
    const names = await readdir(latest);
    for (const name of [
      "plan.json",
      "journal.ndjson",
      "samples.csv",
      "verdict.json",
      "report.md",
      "junit.xml",
    ]) {
      assert.ok(names.includes(name), `${name} is not among ${names}`);
    }
    assert.equal(await outcomeOf(latest), "PASS");
    await assertNothingLeft(latest);
    assert.match(run.output(), /phase baseline/);
    assert.match(run.output(), /^PASS passes.*\n$/m);
  });

  test("an inconclusive run exits 2, or 0 where that is asked for", async () => {
    const strict = start(["undecided.yaml"]);
    assert.equal(await strict.ended, 2, strict.output());
    const lenient = start(["undecided.yaml", "--inconclusive", "pass"]);
    assert.equal(await lenient.ended, 0, lenient.output());
  });

  test("--keep-on-fail leaves a system that failed up until it is stopped, and the run still exits 1", async () => {
    const runDir = join(folder, "kept");
    const run = start(["fails.yaml", "--keep-on-fail", "--run-dir", runDir]);
    await printed(run, /The system is up/);
    assert.equal(await outcomeOf(runDir), "FAIL");
    const entry = /^entry +(\S+)$/m.exec(run.output())?.[1];
    assert.ok(entry !== undefined);
    assert.equal((await fetch(entry)).status, 200);
    run.child.kill("SIGINT");
    assert.equal(await run.ended, 1, run.output());
    await assertNothingLeft(runDir);
  });

  test("--keep-on-fail does not keep a system that passed", async () => {
    const run = start(["passes.yaml", "--keep-on-fail"]);
    assert.equal(await run.ended, 0, run.output());
  });

  test("a signal in the middle: exit 130, a verdict as far as it went, nothing left", async () => {
    const runDir = join(folder, "interrupted");
    const run = start(["long.yaml", "--run-dir", runDir]);
    await printed(run, /phase baseline/);
    run.child.kill("SIGTERM");
    assert.equal(await run.ended, 130, run.output());
    assert.equal(await outcomeOf(runDir), "INTERRUPTED");
    await assertNothingLeft(runDir);
  });

  test("a signal while the system starts: exit 130, nothing left", async () => {
    const runDir = join(folder, "interrupted-start");
    const run = start(["long.yaml", "--run-dir", runDir]);
    await printed(run, /starting the system/);
    run.child.kill("SIGINT");
    assert.equal(await run.ended, 130, run.output());
    await assertNothingLeft(runDir);
  });

  test("the loss of the parent ends a run", async () => {
    const runDir = join(folder, "orphaned");
    const args = [cli, "long.yaml", "--run-dir", runDir];
    const script = `
      const { spawn } = require("node:child_process");
      console.log(spawn(process.execPath, ${JSON.stringify(args)}, { stdio: ["ignore", "inherit", "inherit"] }).pid);
    `;
    const parent = spawn(process.execPath, ["-e", script], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [parent.stdout, parent.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    const closed = once(parent, "close");
    while (!/phase warmup/.test(output)) {
      assert.equal(parent.exitCode, null, output);
      await delay(20);
    }
    parent.kill("SIGKILL");
    // The run holds the pipes: they are closed when it is over.
    await closed;
    assert.equal(await outcomeOf(runDir), "INTERRUPTED");
    await assertNothingLeft(runDir);
  });

  test("a reader that goes away changes nothing", async () => {
    const runDir = join(folder, "unread");
    const run = start(["passes.yaml", "--run-dir", runDir]);
    await printed(run, /starting the system/);
    run.child.stdout?.destroy();
    run.child.stderr?.destroy();
    assert.equal(await run.ended, 0);
    assert.equal(await outcomeOf(runDir), "PASS");
  });

  test("a folder that is taken is bad input, and one that cannot be made an error", async () => {
    const taken = join(folder, "taken");
    await mkdir(taken);
    await writeFile(join(taken, "plan.json"), "");
    const first = start(["passes.yaml", "--run-dir", taken]);
    assert.equal(await first.ended, 4);
    assert.match(first.output(), /RUN_FOLDER_TAKEN/);
    assert.deepEqual(await readdir(taken), ["plan.json"]);
    const second = start(["passes.yaml", "--run-dir", join(taken, "plan.json", "run")]);
    assert.equal(await second.ended, 3);
    assert.match(second.output(), /RUN_FOLDER_UNWRITABLE/);
  });

  test("up starts a system, tells its addresses, and stops it when asked", async () => {
    const run = start(["up"]);
    await printed(run, /The system is up/);
    assert.match(run.output(), /^api +api-0$/m);
    const entry = /^entry +(\S+)$/m.exec(run.output())?.[1];
    assert.ok(entry !== undefined);
    assert.equal((await fetch(entry)).status, 200);
    run.child.kill("SIGINT");
    assert.equal(await run.ended, 0, run.output());
    assert.match(run.output(), /all its processes have ended\.\s*$/);
    const [runDir] = (await readdir(join(folder, "runs"))).filter((name) => name.startsWith("up-"));
    assert.ok(runDir !== undefined);
    await assertNothingLeft(join(folder, "runs", runDir));
    await assert.rejects(access(join(folder, "runs", runDir, "journal.ndjson")));
  });
});
