import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { BreakwaterError } from "../errors.ts";
import { readScenario, readSystem } from "./read.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "breakwater-read-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function written(content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, "written.yaml");
  await writeFile(file, content);
  return file;
}

async function refused(reading: Promise<unknown>): Promise<BreakwaterError> {
  const error = await reading.then(
    () => assert.fail("nothing was refused"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof BreakwaterError, String(error));
  assert.equal(error.kind, "BAD_INPUT");
  return error;
}

/** `line:column message` of each mistake in a scenario. */
async function mistakes(text: string): Promise<readonly string[]> {
  const file = await written(text);
  const error = await refused(readScenario(file));
  assert.equal(error.code, "FILE_INVALID");
  const [, ...lines] = error.message.split("\n");
  return lines.map((line) => {
    assert.ok(line.trim().startsWith(`${file}:`), line);
    return line
      .trim()
      .slice(file.length + 1)
      .replace(": ", " ");
  });
}

const good = `
title: A title
hypothesis: Something holds
load: { rate: 600/m, keys: { distribution: zipf, count: 10 } }
phases: { warmup: 500ms, baseline: 1s, fault: 2s, recovery: 1m }
env: { api: { SETTING: "1" } }
faults:
  - { kind: latency, target: { link: { from: api, to: redis } }, delay: 400ms, at: 500ms, for: 1.5s }
  - { kind: kill-node, target: { store: redis, role: master, pick: [2, 0] }, for: 2s }
  - { kind: nothing, for: 1s }
slos:
  - { availability: 99%, during: [baseline, fault] }
  - { latency: { p99: 800ms }, during: fault }
  - { answers: correct }
mustFail: { slo: { availability: 100%, during: recovery } }
`;

test("a scenario is read with its units, its defaults, and parameters and limits as written", async () => {
  assert.deepEqual(await readScenario(await written(good)), {
    title: "A title",
    hypothesis: "Something holds",
    load: { ratePerS: 10, keys: { distribution: "zipf", exponent: 1, count: 10 }, timeoutMs: 3000, env: {} },
    phases: { warmup: 500, baseline: 1000, fault: 2000, recovery: 60_000 },
    env: { api: { SETTING: "1" } },
    faults: [
      {
        kind: "latency",
        target: { hits: "link", from: "api", to: "redis", pick: "all" },
        atMs: 500,
        forMs: 1500,
        params: { delay: "400ms" },
      },
      {
        kind: "kill-node",
        target: { hits: "member", of: { kind: "store", name: "redis" }, role: "master", pick: [2, 0] },
        atMs: 0,
        forMs: 2000,
        params: {},
      },
      { kind: "nothing", target: { hits: "nothing" }, atMs: 0, forMs: 1000, params: {} },
    ],
    slos: [
      { slo: "availability", limit: "99%", during: ["baseline", "fault"] },
      { slo: "latency", limit: { p99: "800ms" }, during: ["fault"] },
      { slo: "answers", limit: "correct", during: [] },
    ],
    mustFail: { slo: { slo: "availability", limit: "100%", during: ["recovery"] } },
    seed: 1,
  });
});

test("a setting that the load script does not read is a mistake, with its place and the word that was meant", async () => {
  const reads = good.replace("count: 10 }", "count: 10 }, env: { FLOOD: '20', FLOD: '20' }, extra: 200/s");
  const file = await written(reads);
  const load = { script: "load.ts", reports: [], reads: ["AGE", "FLOOD"] };
  const system = { name: "shop", services: {}, stores: {}, entry: "api", load, folder };
  const error = await refused(readScenario(file, system));
  assert.equal(error.code, "FILE_INVALID");
  const [, ...lines] = error.message.split("\n");
  assert.equal(lines.length, 1, error.message);
  assert.match(lines[0] ?? "", /:4:\d+: .*"FLOD".*did you mean "FLOOD"\?$/);
  const { load: read } = await readScenario(file);
  assert.deepEqual(
    [read.extraPerS, read.env],
    [200, { FLOOD: "20", FLOD: "20" }],
    "without a system, nothing is known of it",
  );
});

test("all mistakes of a scenario are told at once, each with its place and the word that was meant", async () => {
  const told = await mistakes(`title: 5
hypothesys: >
  Something holds
load:
  rate: 200
  keys: { distribution: zipf, count: 5 }
  keys: { distribution: zipff, count: 0.5 }
phases: { warmup: 0s, baseline: 10, fault: 5s, recovry: 3s }
faults:
  - kind: kil-node
    for: 1s
  - kind: pause-node
    target: { store: redis, role: mastr, pick: ony }
    for: 10s
  - kind: latency
    target: { link: { from: api } }
    dely: 10s
    for: 1s
  - { target: {} }
  - nonsense
slos:
  - { availabilty: 99.5%, during: baseline }
  - { availability: 101%, during: [fault, baselin] }
  - { answers: corect }
  - { availability: 3%, answers: correct }
mustFail: { }
env: { api: { FRESH_MS: 2000 } }
`);
  const expected = [
    /^1:1 .*hypothesis.* missing/,
    /^1:8 /,
    /^2:1 .*"hypothesys".*"hypothesis"/,
    /^5:9 .*200\/s/,
    /^7:3 .*"keys".* 6/,
    /^7:25 .*"zipff".*"zipf"/,
    /^7:39 .*whole number/,
    /^8:19 /,
    /^8:33 .*unit/,
    /^8:48 .*"recovry".*"recovery"/,
    /^10:11 .*"kil-node".*"kill-node"/,
    /^13:35 .*"mastr".*"master"/,
    /^13:48 .*"ony".*"one"/,
    /^14:10 .*10000 ms .*5000 ms/,
    /^15:5 .*"delay" is missing/,
    /^16:15 .*"to" is missing/,
    /^17:5 .*"dely".*"delay"/,
    /^19:5 .*"kind" is missing.*"kill-node"/,
    /^20:5 .*map.*"nonsense"/,
    /^22:7 .*"availabilty".*"availability"/,
    /^23:21 .*100%/,
    /^23:43 .*"baselin".*"baseline"/,
    /^24:16 .*"corect".*"correct"/,
    /^25:5 .*one SLO/,
    /^26:11 .*one change/,
    /^27:25 .*quotes/,
  ];
  assert.equal(told.length, expected.length, told.join("\n"));
  for (const [index, pattern] of expected.entries()) assert.match(told[index] ?? "", pattern);
});

const withoutPhases = good.replace(/^phases:.*$/m, "phases: { warmup: 1s, baseline: 1s }");
const withoutFaults = good.replace(/^faults:\n( {2}- .*\n){3}/m, "");
const refusedScenarios: Readonly<Record<string, { text: string; at: RegExp }>> = {
  "no SLO": { text: good.replace(/^slos:\n( {2}- .*\n){3}/m, "slos: []\n"), at: /^11:7 / },
  "SLOs forgotten": { text: good.replace(/^slos:\n( {2}- .*\n){3}/m, ""), at: /^2:1 "slos" is missing/ },
  "a fault phase without faults": { text: withoutFaults, at: /^5:40 / },
  "faults without a fault phase": { text: withoutPhases, at: /^5:1 / },
  "recovery from nothing": { text: withoutFaults.replace("fault: 2s, ", ""), at: /^5:50 / },
  "a target that nothing cannot have": {
    text: good.replace("kind: nothing,", "kind: nothing, target: { store: redis },"),
    at: /^10:22 .*"target"/,
  },
  "a member and a link at once": {
    text: good.replace("store: redis,", "link: { from: a, to: b },"),
    at: /^9:3\d /,
  },
  "two kinds of member": {
    text: good.replace("store: redis, role: master", "store: a, service: b"),
    at: /^9:32 /,
  },
  "a service's role": { text: good.replace("store: redis", "service: api"), at: /^9:54 / },
  "a pick of nothing": { text: good.replace("[2, 0]", "[]"), at: /^9:68 / },
  "a pick of the same twice": { text: good.replace("[2, 0]", "[2, 2]"), at: /^9:68 / },
  "a list for a map": { text: "- title\n", at: /^1:1 / },
  "nothing at all": { text: "", at: /^1:1 / },
  "comments only": { text: "# nothing\n", at: /^1:1 / },
  "a broken text": { text: "title: [1\nload: 2\n", at: /^2:1 / },
};

for (const [what, { text, at }] of Object.entries(refusedScenarios)) {
  test(`a scenario with ${what} is refused`, async () => {
    const told = await mistakes(text);
    assert.equal(told.length, 1, told.join("\n"));
    assert.match(told[0] ?? "", at);
  });
}

test("a shard is hit at its master, all of them where none is picked", async () => {
  const flushing = (target: string) =>
    good.replace(/ {2}- \{ kind: nothing.*/, `  - { kind: flush, target: ${target}, for: 1s }`);
  const targetOf = async (target: string) =>
    (await readScenario(await written(flushing(target)))).faults.at(-1)?.target;
  const masters = { hits: "member", of: { kind: "store", name: "redis" }, role: "master" } as const;
  assert.deepEqual(await targetOf("{ store: redis }"), { ...masters, pick: "all" });
  assert.deepEqual(await targetOf("{ store: redis, pick: one }"), { ...masters, pick: "one" });
  assert.equal((await mistakes(flushing("{ store: redis, role: replica }"))).length, 1);
  assert.equal((await mistakes(flushing("{ service: api }"))).length > 0, true);
});

test("control characters of a file do not reach the terminal", async () => {
  const told = await mistakes(`"\\e[31mred": 1\n${good}`);
  assert.equal(told.length, 1);
  assert.ok(!told[0]?.includes("\u001b"));
});

test("a file with thousands of mistakes is told of in few lines, soon", { timeout: 60_000 }, async () => {
  const keys = Array.from({ length: 100_000 }, (_, index) => `k${index}:`).join("\n");
  const error = await refused(readScenario(await written(keys)));
  assert.equal(error.code, "FILE_INVALID");
  assert.ok(error.message.split("\n").length < 110);
});

test("what is not text is refused", async () => {
  const error = await refused(readScenario(await written(Uint8Array.of(0x74, 0xff, 0xfe, 0x00))));
  assert.equal(error.code, "FILE_INVALID");
});

test("what cannot be read is refused: missing, too large, a folder, a device, a FIFO", async () => {
  const fifo = path.join(folder, "fifo.yaml");
  execFileSync("mkfifo", [fifo]);
  const large = path.join(folder, "large.yaml");
  await writeFile(large, `title: ${"x".repeat(1024 * 1024)}\n`);
  for (const file of [path.join(folder, "missing.yaml"), large, folder, "/dev/zero", fifo]) {
    assert.equal((await refused(readScenario(file))).code, "FILE_UNREADABLE", file);
  }
});

const goodSystem = `
name: tiny
services:
  api:
    port: PORT
    ready: { path: /ready }
    env: { REDIS: "{{ redis.addresses }}", MODEL: "{{model.url}}" }
    switches: { breaker: { BREAKER: "off" } }
  model: { port: PORT, ready: { path: /ready, within: 3s } }
stores: { redis: { kind: redis-cluster } }
entry: api
load: { script: written.yaml }
`;

test("a system is read, with the folder that its paths are relative to", async () => {
  const system = await readSystem(path.relative(process.cwd(), await written(goodSystem)));
  assert.equal(system.folder, folder);
  assert.deepEqual(system.services["model"]?.ready, { path: "/ready", withinMs: 3000 });
  assert.deepEqual(system.load, { script: "written.yaml", reports: [], reads: [] });
});

test("names in a system that lead nowhere are told of, along with all else", async () => {
  const file = await written(
    goodSystem
      .replace("{{ redis.addresses }}", "{{ rediss.addresses }}")
      .replace("{{model.url}}", "{{ model.urls }}")
      .replace("entry: api", "entry: apii")
      .replace("model: { port: PORT, ", "model: { prot: PORT, ")
      .replace("stores: {", "stores: { model: { kind: tcp, address: 'host:1' },")
      .replace("script: written.yaml", "script: nowhere.ts"),
  );
  const error = await refused(readSystem(file));
  assert.equal(error.code, "FILE_INVALID");
  const places = [...error.message.matchAll(/written\.yaml:(\d+:\d+): /g)].map((match) => match[1]);
  assert.deepEqual(places, ["7:19", "7:52", "9:3", "9:12", "10:11", "11:8", "12:17"]);
});
