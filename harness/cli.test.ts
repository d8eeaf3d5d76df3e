import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { commands } from "./commands/catalog.ts";
import { packagedSystem } from "./commands/input/package-files.ts";
import { openSamples } from "./journal/samples.ts";
import { openJournal } from "./journal/writer.ts";

const cli = join(import.meta.dirname, "cli.ts");
const folder = await mkdtemp(join(tmpdir(), "breakwater-cli-"));
after(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program as a user starts it, in a folder that knows nothing of the repository. */
function breakwater(args: readonly string[], cwd = folder): Promise<Ended> {
  const env = { ...process.env, npm_lifecycle_event: "" };
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { cwd, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

test("--help shows every command and the exit codes", async () => {
  const { code, stdout } = await breakwater(["--help"]);
  assert.equal(code, 0);
  for (const name of Object.keys(commands)) assert.match(stdout, new RegExp(`^ {2}${name} `, "m"));
  assert.match(stdout, /INCONCLUSIVE/);
});

for (const name of Object.keys(commands)) {
  test(`${name} --help has examples`, async () => {
    const { code, stdout } = await breakwater([name, "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: breakwater ${name}`));
    assert.match(stdout, /^Examples:\n {2}breakwater /m);
  });
}

test("list shows the packaged scenarios, and those of the folder it is called in", async () => {
  const cwd = join(folder, "own");
  await mkdir(join(cwd, "scenarios"), { recursive: true });
  await writeFile(join(cwd, "scenarios", "ours.yaml"), "title: [\n");
  const { code, stdout } = await breakwater(["list"], cwd);
  assert.equal(code, 0);
  assert.match(stdout, /^node-kill\n/m);
  assert.match(stdout, /^ours\n {2}cannot be read: .*ours\.yaml"/m);
  assert.match(stdout, /^faults: .*kill-node/m);
});

test("plan shows the timeline; --json gives the plan, and the same one again", async () => {
  const { code, stdout } = await breakwater(["plan", "node-kill"]);
  assert.equal(code, 0);
  for (const part of ["warmup", "baseline", "kill-node", "recovery", "end", "SLO"]) {
    assert.match(stdout, new RegExp(`\\b${part}\\b`));
  }
  const once = await breakwater(["plan", "node-kill", "--json", "--seed", "3"]);
  const again = await breakwater(["plan", "node-kill", "--json", "--seed", "3"]);
  assert.equal(once.stdout, again.stdout);
  assert.equal(JSON.parse(once.stdout).seed, 3);
});

test("a scenario of one's own is for the system beside it or a folder above, and never for another", async () => {
  const project = join(folder, "project");
  await mkdir(join(project, "storms"), { recursive: true });
  const scenario = join(project, "storms", "ours.yaml");
  await writeFile(
    scenario,
    `title: t
hypothesis: h
load: { rate: 10/s, keys: { distribution: uniform, count: 5 } }
phases: { warmup: 1s, baseline: 1s }
slos: [{ availability: 50% }]
`,
  );
  const alone = await breakwater(["plan", scenario]);
  assert.equal(alone.code, 4);
  assert.match(alone.stderr, /SYSTEM_MISSING/);
  const reference = await breakwater(["plan", scenario, "--system", "reference"]);
  assert.equal(reference.code, 0, reference.stderr);
  assert.match(reference.stdout, /^system +reference /m);

  await writeFile(join(project, "load.ts"), "");
  await writeFile(
    join(project, "system.yaml"),
    `name: shop
services:
  shop: { local: { command: [node, server.js] }, port: PORT, ready: { path: / } }
entry: shop
load: { script: load.ts }
`,
  );
  const own = await breakwater(["plan", scenario]);
  assert.equal(own.code, 0, own.stderr);
  assert.match(own.stdout, /^system +shop /m);
});

test("a misspelt setting of the load script is told before anything starts", async () => {
  const scenario = join(folder, "flod.yaml");
  const text = await readFile(join(import.meta.dirname, "../scenarios/tenant-flood.yaml"), "utf8");
  await writeFile(scenario, text.replace("FLOOD:", "FLOD:"));
  const { code, stderr } = await breakwater(["plan", scenario, "--system", "reference"]);
  assert.equal(code, 4);
  assert.match(stderr, /FILE_INVALID.*flod\.yaml:\d+:\d+: .*did you mean "FLOOD"/s);
});

test("--help after a scenario is the help of running one", async () => {
  const [run, scenario, general] = await Promise.all(
    [["run", "--help"], ["node-kill", "--help"], ["--help"]].map((args) => breakwater(args)),
  );
  assert.equal(scenario?.code, 0);
  assert.equal(scenario?.stdout, run?.stdout);
  assert.notEqual(scenario?.stdout, general?.stdout);
});

test("plan shows what the scenario sets, and the change that must make it fail", async () => {
  const { stdout } = await breakwater(["plan", "low-priority-flood"]);
  for (const part of [
    /model: MAX_BATCH=8/,
    /load: FLOOD=20, FLOOD_PRIORITY=low/,
    /^must fail without shed/m,
    /200\/s or more/,
  ]) {
    assert.match(stdout, part);
  }
});

test("plan --must-fail and --without make the changes that they name", async () => {
  const changed = await breakwater(["plan", "node-kill", "--json", "--must-fail", "--without", "breaker"]);
  const { without } = JSON.parse(changed.stdout);
  assert.ok(without.includes("breaker") && without.length === 2, String(without));
});

const refused = [
  { what: "a misspelt scenario", args: ["nod-kill"], says: /SCENARIO_UNKNOWN/, instead: "node-kill" },
  { what: "a misspelt command", args: ["lst"], says: /SCENARIO_UNKNOWN/, instead: "list" },
  {
    what: "a misspelt command with its argument",
    args: ["plna", "node-kill"],
    says: /too many arguments/,
    instead: "plan",
  },
  { what: "a path to nothing", args: ["./node-kil.yaml"], says: /SCENARIO_UNKNOWN/, instead: "node-kill" },
  { what: "a misspelt option", args: ["node-kill", "--sede", "3"], says: /--sede/, instead: "--seed" },
  {
    what: "a misspelt switch",
    args: ["plan", "node-kill", "--without", "fallbak"],
    says: /UNKNOWN_SWITCH/,
    instead: "fallback",
  },
  {
    what: "a misspelt switch of up",
    args: ["up", "--without", "braker"],
    says: /UNKNOWN_SWITCH/,
    instead: "breaker",
  },
  { what: "a seed that is no number", args: ["node-kill", "--seed", "many"], says: /--seed/ },
  {
    what: "an option's value that is none",
    args: ["node-kill", "--inconclusive", "maybe"],
    says: /fail, pass/,
  },
  { what: "no scenario", args: [], says: /scenario/ },
  { what: "one argument too many", args: ["plan", "node-kill", "steady"], says: /argument/ },
  {
    what: "a system file that is not there",
    args: ["node-kill", "--system", "no.yaml"],
    says: /FILE_UNREADABLE/,
  },
  { what: "a run that is not there", args: ["judge", "latest"], says: /RUN_FOLDER_MISSING/ },
];
for (const { what, args, says, instead } of refused) {
  test(`${what} is bad input: exit 4, ${instead === undefined ? "said why" : "with the nearest name"}`, async () => {
    const { code, stdout, stderr } = await breakwater(args);
    assert.equal(code, 4);
    assert.equal(stdout, "");
    assert.match(stderr, says);
    if (instead !== undefined) assert.match(stderr, new RegExp(`[Dd]id you mean "?${instead}"?\\?`));
  });
}

test("a system whose load script is missing is refused before anything is started", async () => {
  const cwd = join(folder, "no-script");
  await mkdir(cwd);
  const system = await readFile(packagedSystem, "utf8");
  await writeFile(join(cwd, "system.yaml"), system);
  const { code, stderr } = await breakwater(["node-kill"], cwd);
  assert.equal(code, 4);
  assert.match(stderr, /system\.yaml:\d+:\d+: .*chat\.ts/);
  assert.deepEqual(await readdir(cwd), ["system.yaml"]);
});

test("a scenario of one's own without its path is asked after by it", async () => {
  const cwd = join(folder, "own-scenario");
  await mkdir(cwd, { recursive: true });
  await writeFile(join(cwd, "model-silent.yaml"), "");
  const { code, stderr } = await breakwater(["plan", "model-silent"], cwd);
  assert.equal(code, 4);
  assert.match(stderr, /did you mean "\.\/model-silent\.yaml"\?/);
});

/** A run of `steady` in which every request was answered, as its folder. */
async function makeRun(name: string, status = 200, load1m?: number): Promise<string> {
  const path = join(folder, "runs", name);
  await mkdir(path, { recursive: true });
  const { stdout } = await breakwater(["plan", "steady", "--json"]);
  await writeFile(join(path, "plan.json"), stdout);
  const { load, phases, seed } = JSON.parse(stdout);
  const journal = openJournal(join(path, "journal.ndjson"), () => 0);
  const samples = openSamples(join(path, "samples.csv"));
  const { ratePerS, durationMs, vus } = load;
  journal.record("harness", {
    type: "run-started",
    runId: name,
    startedAt: "2026-01-01T00:00:00.000Z",
    seed,
    versions: {},
  });
  if (load1m !== undefined) journal.record("harness", { type: "machine", load1m, cores: 2 });
  journal.record("k6", { type: "load-started", ratePerS, durationMs, vus });
  for (const { phase, fromMs } of phases) journal.record("harness", { type: "phase-started", phase }, fromMs);
  journal.record("harness", { type: "phase-started", phase: "end" }, durationMs);
  for (let startMs = 0; startMs < durationMs; startMs += 1000 / ratePerS) {
    const stamp = { source: "k6", arm: "main", attempt: 1 } as const;
    const answer = status === 200 ? "right" : "";
    samples.add({
      startMs,
      durationMs: 5,
      status,
      error: "",
      phase: "baseline",
      cache: "hit",
      answer,
      ...stamp,
    });
  }
  journal.record("k6", { type: "load-ended", code: 0, signal: null, expected: true }, durationMs);
  journal.record("harness", { type: "run-ended", how: "completed" }, durationMs);
  samples.close();
  journal.close();
  return path;
}

test("judge judges a recorded run, and writes the same bytes each time", async () => {
  const path = await makeRun("good");
  const read = async () => {
    const names = (await readdir(path)).sort();
    return Promise.all(names.map(async (file) => [file, await readFile(join(path, file), "utf8")]));
  };
  const once = await breakwater(["judge", "good"]);
  const first = await read();
  const again = await breakwater(["judge", path]);
  assert.equal(once.code, 0, once.stdout + once.stderr);
  assert.match(once.stdout, /PASS/);
  assert.ok(first.some(([file]) => file === "verdict.json"));
  assert.equal(again.stdout, once.stdout);
  assert.deepEqual(await read(), first);
});

test("judge tells of a machine that was busy, in the terminal and in report.md, and decides the same", async () => {
  const path = await makeRun("busy", 200, 22);
  const { code, stdout } = await breakwater(["judge", "busy"]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^note the machine was busy .*load average 22\.0, 2 cores/m);
  assert.match(await readFile(join(path, "report.md"), "utf8"), /^- Note: the machine was busy .*22\.0/m);
});

test("judge exits with the verdict's code", async () => {
  await makeRun("bad", 503);
  const { code, stdout } = await breakwater(["judge", "bad"]);
  assert.equal(code, 1);
  assert.match(stdout, /FAIL/);
});

test("a damaged journal is an error of the harness", async () => {
  const path = await makeRun("damaged");
  await writeFile(join(path, "journal.ndjson"), "not json\n{}\n");
  const { code, stderr } = await breakwater(["judge", "damaged"]);
  assert.equal(code, 3);
  assert.match(stderr, /JOURNAL_DAMAGED/);
});
