import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { processStat } from "../substrates/local/proc.ts";
import { startCli, stillRunning } from "../testing/cli.ts";
import { provideTools, type Tools } from "../toolchain/tools.ts";

/** What must never pass: faults that do nothing, and loads that stop. Each scenario's own test is the honest twin. */
let folder: string;
let tools: Tools;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "breakwater-sabotage-"));
  ({ tools } = await provideTools(() => {}, AbortSignal.timeout(600_000)));
});
after(() => rm(folder, { recursive: true }));

const shortKill = `
title: a kill
hypothesis: the shortest storm that can be judged
load: { rate: 100/s, keys: { distribution: zipf, exponent: 1.0, count: 100 } }
phases: { warmup: 2s, baseline: 2s, fault: 5s, recovery: 1s }
faults: [{ kind: kill-node, target: { store: redis, role: master, pick: one }, for: 4s }]
slos: [{ availability: 90% }]
mustFail: { without: fallback }
`;
const shortSilence = shortKill.replace(
  /faults: .*/,
  "faults: [{ kind: blackhole, target: { link: { from: api, to: redis, pick: all } }, for: 4s }]",
);

const shortFlush = shortKill.replace(
  /faults: .*/,
  "faults: [{ kind: flush, target: { store: redis }, for: 4s }]",
);

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

test("the honest twin: the short storms pass", { timeout: 120_000 }, async () => {
  for (const [name, text] of [
    ["kill.yaml", shortKill],
    ["silence.yaml", shortSilence],
    ["flush.yaml", shortFlush],
  ] as const) {
    await using run = await startCli([await file(name, text), "--system", "reference"]);
    assert.equal(await run.exit, 0, run.output());
  }
});

test("a Toxiproxy that accepts toxics and does nothing: INCONCLUSIVE", { timeout: 120_000 }, async () => {
  const fake = await file("toxiproxy-server", fakeToxiproxy(tools.toxiproxyServer));
  await using run = await startCli([await file("silence.yaml", shortSilence), "--system", "reference"], {
    BREAKWATER_TOXIPROXY_SERVER: fake,
  });
  assert.equal(await run.exit, 2, run.output());
  const { reasons } = await run.verdict();
  assert.ok(reasons.some(({ code }) => code === "FAULT_NOT_PROVEN"));
  const toxics = await readFile(`${fake}.log`, "utf8");
  assert.ok(toxics.includes("swallowed"), "the fake was in force");
});

for (const [what, scenario] of [
  ["kill", shortKill],
  ["pause", shortKill.replace("kind: kill-node", "kind: pause-node")],
] as const) {
  test(`a ${what} that hits no node: INCONCLUSIVE, and the nodes that left their group end too`, {
    timeout: 120_000,
  }, async () => {
    // The process that is hit is a wrapper; the node itself lives in a session of its own.
    const libraries = Object.entries(tools.redisEnv).map(([key, value]) => `export ${key}='${value}'`);
    const nodes = join(folder, `nodes-${what}`);
    const wrapper = await file(
      `redis-server-${what}`,
      `#!/bin/sh
${libraries.join("\n")}
[ "$1" = --version ] && exec '${tools.redisServer}' --version
setsid '${tools.redisServer}' "$@" &
echo $! >> '${nodes}'
trap 'exit 0' TERM
wait
`,
    );
    await using run = await startCli([await file(`${what}.yaml`, scenario), "--system", "reference"], {
      BREAKWATER_REDIS_SERVER: wrapper,
    });
    assert.equal(await run.exit, 2, run.output());
    const { reasons, faults } = await run.verdict();
    assert.ok(reasons.some(({ code }) => code === "FAULT_NOT_PROVEN"));
    assert.equal(faults[0]?.provenMs, undefined);
    const pids = (await readFile(nodes, "utf8")).trim().split("\n").map(Number);
    assert.ok(pids.length >= 6);
    for (const pid of pids) assert.equal((await processStat(pid)).state, "gone");
  });
}

test("a FLUSHALL that says OK and removes nothing: INCONCLUSIVE", { timeout: 120_000 }, async () => {
  // READWRITE takes no argument and says OK, too.
  const libraries = Object.entries(tools.redisEnv).map(([key, value]) => `export ${key}='${value}'`);
  const fake = await file(
    "redis-server-keeping",
    `#!/bin/sh
${libraries.join("\n")}
[ "$1" = --version ] && exec '${tools.redisServer}' --version
exec '${tools.redisServer}' "$@" --rename-command FLUSHALL "" --rename-command READWRITE FLUSHALL
`,
  );
  await using run = await startCli([await file("flush.yaml", shortFlush), "--system", "reference"], {
    BREAKWATER_REDIS_SERVER: fake,
  });
  assert.equal(await run.exit, 2, run.output());
  const { reasons, faults } = await run.verdict();
  assert.ok(reasons.some(({ code }) => code === "FAULT_NOT_PROVEN"));
  assert.equal(faults[0]?.provenMs, undefined);
  assert.match(faults[0]?.saw ?? "", /not emptied/, "not for want of entries");
});

const flood = `
title: a flood
hypothesis: the measured requests come through
load: { rate: 20/s, keys: { distribution: uniform, count: 10 }, env: { FLOOD: "10" }, extra: 100/s }
phases: { warmup: 2s, baseline: 4s }
slos: [{ availability: 90%, during: baseline }]
`;
for (const [what, text, exit] of [
  ["the honest twin: a flood that is there: PASS", flood, 0],
  ["a flood that never comes: INCONCLUSIVE", flood.replace(/env: \{[^}]*\}, /, ""), 2],
] as const) {
  test(what, { timeout: 120_000 }, async () => {
    await using run = await startCli([await file("flood.yaml", text), "--system", "reference"]);
    assert.equal(await run.exit, exit, run.output());
    const codes = (await run.verdict()).reasons.map(({ code }) => code);
    assert.deepEqual(codes, exit === 0 ? [] : ["EXTRA_LOAD_MISSING"]);
  });
}

test("k6 killed in the middle: HARNESS ERROR, and everything is healed and stopped", {
  timeout: 120_000,
}, async () => {
  await using run = await startCli([await file("kill.yaml", shortKill), "--system", "reference"]);
  await run.event((event) => event.type === "fault" && event.state === "proven");
  const k6 = await run.event((event) => event.type === "process-started" && event.process === "k6");
  assert.ok(k6.type === "process-started");
  process.kill(k6.pid, "SIGKILL");
  assert.equal(await run.exit, 3, run.output());
  const { reasons } = await run.verdict();
  assert.equal(reasons[0]?.code, "LOAD_FAILED");
  assert.deepEqual(await stillRunning(run), []);
});

test("Toxiproxy killed in the middle: HARNESS ERROR", { timeout: 120_000 }, async () => {
  await using run = await startCli([await file("kill.yaml", shortKill), "--system", "reference"]);
  await run.event((event) => event.type === "phase-started" && event.phase === "baseline");
  const toxiproxy = await run.event(
    (event) => event.type === "process-started" && event.process === "toxiproxy",
  );
  assert.ok(toxiproxy.type === "process-started");
  process.kill(toxiproxy.pid, "SIGKILL");
  assert.equal(await run.exit, 3, run.output());
  assert.equal((await run.verdict()).reasons[0]?.code, "TOOL_DIED");
  assert.deepEqual(await stillRunning(run), []);
});

test("a replica that dies though nobody hit it: never PASS", { timeout: 120_000 }, async () => {
  await using run = await startCli([
    await file("steady.yaml", shortKill.replace(/faults: .*\n/, "").replace(/, fault: 5s, recovery: 1s/, "")),
    "--system",
    "reference",
  ]);
  await run.event((event) => event.type === "phase-started" && event.phase === "baseline");
  const api = await run.event((event) => event.type === "process-started" && event.process === "api-1");
  assert.ok(api.type === "process-started");
  process.kill(api.pid, "SIGKILL");
  assert.equal(await run.exit, 1, run.output());
  assert.ok((await run.verdict()).reasons.some(({ code }) => code === "MEMBER_DIED"));
});

/** Stands before a real Toxiproxy and passes everything on but the toxics, which it only confirms. */
function fakeToxiproxy(real: string): string {
  return `#!/usr/bin/env node
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createServer, request } from "node:http";
const args = process.argv.slice(2);
if (args.includes("-version")) { console.log("toxiproxy-server version 2.12.0"); process.exit(); }
const value = (flag) => args[args.indexOf(flag) + 1];
const host = value("-host"), port = Number(value("-port")), hidden = port + 1;
const child = spawn(${JSON.stringify(real)}, ["-host", host, "-port", String(hidden)], { stdio: "ignore" });
process.on("SIGTERM", () => { child.kill(); process.exit(); });
createServer((asked, answer) => {
  if (/\\/toxics/.test(asked.url)) {
    appendFileSync(${JSON.stringify(join(folder, "toxiproxy-server.log"))}, "swallowed " + asked.method + " " + asked.url + "\\n");
    asked.resume().on("end", () => answer.end("{}"));
    return;
  }
  asked.pipe(request({ host, port: hidden, path: asked.url, method: asked.method, headers: asked.headers }, (real) => {
    answer.writeHead(real.statusCode, real.headers);
    real.pipe(answer);
  }).on("error", () => answer.writeHead(502).end()));
}).listen(port, host);
`;
}
