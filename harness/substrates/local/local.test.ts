import assert from "node:assert/strict";
import { access, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Cluster } from "ioredis";
import type { Check } from "../../evidence/evidence.ts";
import { linksShortLived } from "../../evidence/link-hold.ts";
import { linksRefused, linksSilent, linksSlowed } from "../../evidence/link-probe.ts";
import { processGone, processStopped } from "../../evidence/process-state.ts";
import { storeEmptied } from "../../evidence/store-emptied.ts";
import type { EventBody } from "../../journal/event.ts";
import { type System, systemSchema } from "../../system/system.ts";
import { provideTools, type Tools } from "../../toolchain/tools.ts";
import type { Deployment } from "../substrate.ts";
import local from "./local.ts";
import { boundAddresses, processStat } from "./proc.ts";

const service = {
  local: { command: ["node", "testing/tiny-service.ts"] },
  port: "PORT",
  ready: { path: "/ready" },
};
const system: System = {
  ...systemSchema.parse({
    name: "tiny",
    services: {
      api: { ...service, replicas: 2, env: { DEPENDENCIES: "{{ redis.addresses }},{{ model.url }}" } },
      model: service,
    },
    stores: { redis: { kind: "redis-cluster" } },
    entry: "api",
    load: { script: "none.ts" },
  }),
  folder: join(import.meta.dirname, "../.."),
};
const fromApiToRedis = ["api-0", "api-1"].flatMap((api) =>
  [0, 1, 2, 3, 4, 5].map((node) => `${api}>redis-${node}`),
);

async function holds(check: Check, deployment: Deployment): Promise<string> {
  const until = performance.now() + 15_000;
  let saw = "";
  while (performance.now() < until) {
    const observation = await check(deployment, AbortSignal.timeout(5_000));
    if (observation.holds) return observation.saw;
    saw = observation.saw;
    await delay(50);
  }
  return assert.fail(`it never held: ${saw}`);
}

async function startIn(
  runDir: string,
  tools: Tools,
  events: EventBody[],
  what: System = system,
): Promise<Deployment> {
  return await local.start(
    what,
    {
      runId: "test",
      runDir,
      env: {},
      tools,
      record: (_, body) => events.push(body),
      hurry: new AbortController().signal,
    },
    AbortSignal.timeout(60_000),
  );
}

suite("the local substrate", { timeout: 180_000 }, () => {
  let tools: Tools;
  let runDir: string;
  let deployment: Deployment;
  const events: EventBody[] = [];

  before(async () => {
    ({ tools } = await provideTools(() => {}, AbortSignal.timeout(170_000)));
    runDir = await mkdtemp(join(tmpdir(), "breakwater-local-"));
    deployment = await startIn(runDir, tools, events);
  });
  after(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await rm(runDir, { recursive: true, force: true });
  });

  test("has three masters in three pairs, and a link for each connection that the system makes", async () => {
    const roles = await Promise.all([0, 1, 2, 3, 4, 5].map((node) => deployment.role(`redis-${node}`)));
    assert.deepEqual(roles, ["master", "master", "master", "replica", "replica", "replica"]);
    assert.equal(deployment.links.length, 6 * 5 + 2 * 6 + 2);
    for (const { id } of deployment.links)
      assert.equal((await deployment.probe(id, 5_000)).outcome, "answered", id);
  });

  test("the entry reaches all replicas, and each connection is counted on the link of the one that made it", async () => {
    const { links: before } = await deployment.traffic();
    for (let request = 0; request < 4; request += 1) {
      const answer = await fetch(deployment.entry, { headers: { connection: "close" } });
      assert.equal(await answer.text(), "all answered");
    }
    await delay(1_000);
    const { links: now } = await deployment.traffic();
    for (const link of [...fromApiToRedis, "api-0>model-0", "api-1>model-0"]) {
      assert.equal((now[link]?.connections ?? 0) - (before[link]?.connections ?? 0), 2, link);
    }
    assert.deepEqual(
      events.filter(({ type }) => type === "bypass"),
      [],
    );
  });

  test("a connection of nobody's is passed on and recorded as a bypass", async () => {
    const [id = ""] = Object.keys((await deployment.traffic()).links).filter((link) =>
      link.startsWith("api-0>model"),
    );
    assert.notEqual(id, "");
    const address = events.find((event) => event.type === "system-ready");
    assert.ok(address);
    const env = await readFile(`/proc/${pidOf("api-0")}/environ`, "utf8");
    const [host = "", port] = (/DEPENDENCIES=([^,\0]+)/.exec(env)?.[1] ?? "").split(":");
    const socket = connect({ host, port: Number(port) });
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write("PING\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    await delay(200);
    assert.equal(events.filter(({ type }) => type === "bypass").length, 1);
  });

  for (const [name, shape, proof] of [
    ["latency", { kind: "latency", delayMs: 200, jitterMs: 0 }, linksSlowed(fromApiToRedis, 200)],
    ["silence", { kind: "silent" }, linksSilent(fromApiToRedis)],
    ["refusal", { kind: "refused" }, linksRefused(fromApiToRedis)],
    ["a lifetime", { kind: "lifetime", lifetimeMs: 200 }, linksShortLived(fromApiToRedis, 200)],
  ] as const) {
    test(`${name} on links is in force where it was put, nowhere else, and goes away`, async () => {
      const check = (inForce: boolean) =>
        (inForce ? proof.inForce : proof.healed)(deployment, AbortSignal.timeout(5_000));
      assert.equal((await check(true)).holds, false, "before");
      for (const link of fromApiToRedis) await deployment.perform({ op: "shape", link, as: "f", shape });
      await holds(proof.inForce, deployment);
      assert.equal((await check(false)).holds, false, "not healed while in force");
      const other = await deployment.probe("redis-0>redis-1", 5_000);
      assert.equal(other.outcome, "answered");
      assert.equal((await deployment.hold("redis-0>redis-1", 500)).outcome, "held");
      for (const link of fromApiToRedis) await deployment.perform({ op: "unshape", link, as: "f" });
      await holds(proof.healed, deployment);
      for (const link of fromApiToRedis) await deployment.perform({ op: "unshape", link, as: "f" });
    });
  }

  test("an emptied store has lost its entries on masters and replicas, and counts it", async () => {
    const masters = ["redis-0", "redis-1", "redis-2"];
    const entries = async (node: string) => (await deployment.contents(node)).entries;
    await fill(masters.map((node) => directOf(node)));
    for (const node of [...masters, "redis-3"]) assert.ok((await entries(node)) > 0, node);
    const proof = storeEmptied(masters);
    const look = () => proof.inForce(deployment, AbortSignal.timeout(5_000));
    assert.equal((await look()).holds, false);
    for (const member of masters.slice(1)) await deployment.perform({ op: "empty", member });
    assert.equal((await look()).holds, false, "one of them has not been");
    await deployment.perform({ op: "empty", member: "redis-0" });
    assert.equal((await look()).holds, true);
    await holds(
      async () => ({ holds: (await entries("redis-3")) === 0, saw: "the replica holds some" }),
      deployment,
    );
    await fill(masters.map((node) => directOf(node)));
    assert.equal((await look()).holds, true, "also when entries have come back");
    assert.equal((await proof.healed(deployment, AbortSignal.timeout(5_000))).holds, true);
  });

  test("only a master can be emptied, and only a store has contents", async () => {
    await assert.rejects(deployment.perform({ op: "empty", member: "redis-3" }), { code: "FLUSH_FAILED" });
    await assert.rejects(deployment.contents("api-0"), { code: "NOT_A_STORE" });
  });

  test("a paused node is seen as stopped, and serves again when it goes on", async () => {
    const proof = processStopped(["redis-4"]);
    assert.equal((await proof.inForce(deployment, AbortSignal.timeout(5_000))).holds, false);
    await deployment.perform({ op: "pause", member: "redis-4" });
    await holds(proof.inForce, deployment);
    await deployment.perform({ op: "resume", member: "redis-4" });
    await holds(proof.healed, deployment);
  });

  test("a killed master is gone, another takes its place, and it comes back as a replica under a new identity", async () => {
    const was = await deployment.observe("redis-1");
    const proof = processGone(["redis-1"]);
    assert.equal((await proof.inForce(deployment, AbortSignal.timeout(5_000))).holds, false);
    await deployment.perform({ op: "kill", member: "redis-1" });
    await holds(proof.inForce, deployment);
    assert.equal((await deployment.probe("api-0>redis-1", 1_000)).outcome, "refused");
    assert.equal(await deployment.serves("redis-1"), false);
    assert.equal(await deployment.serves("redis-0"), true, "the others serve");
    await holds(
      async () => ({ holds: (await deployment.role("redis-4")) === "master", saw: "" }),
      deployment,
    );
    await deployment.perform({ op: "start", member: "redis-1" });
    await holds(proof.healed, deployment);
    assert.equal(await deployment.role("redis-1"), "replica");
    assert.notEqual((await deployment.observe("redis-1")).identity, was.identity);
    const ends = events.filter((event) => event.type === "process-exited");
    assert.deepEqual(
      ends.map(({ process, signal, expected }) => ({ process, signal, expected })),
      [{ process: "redis-1", signal: "SIGKILL", expected: true }],
    );
  });

  test("a job runs beside the system, with as much of the shell as it asks for, and ends with it", async () => {
    process.env["BREAKWATER_TEST_SEEN"] = "seen";
    process.env["BREAKWATER_TEST_HIDDEN"] = "hidden";
    const job = await deployment.launch({
      name: "job",
      command: ["sh", "-c", "echo hello $BREAKWATER_TEST_SEEN $BREAKWATER_TEST_HIDDEN; exec sleep 60"],
      env: {},
      inherits: (name) => name !== "BREAKWATER_TEST_HIDDEN",
      cwd: runDir,
    });
    const line = await new Promise((resolve) => job.stdout.once("data", (data) => resolve(String(data))));
    assert.equal(line, "hello seen\n");
  });

  test("stopping leaves no process, no address in use and no file of theirs", async () => {
    const pids = events.flatMap((event) => (event.type === "process-started" ? [event.pid] : []));
    assert.ok(pids.length >= 12);
    const prefix = deployment.entry.hostname.replace(/\.\d+$/, ".");
    await deployment[Symbol.asyncDispose]();
    for (const pid of pids) assert.equal((await processStat(pid)).state, "gone");
    // Ended connections may linger in TIME_WAIT: only what listens or is open counts.
    assert.deepEqual(await listening(prefix), []);
    assert.deepEqual(await readdir(runDir), ["logs"]);
    const late = events.filter((event) => event.type === "process-exited" && !event.expected);
    assert.deepEqual(late, []);
  });

  function directOf(name: string): { host: string; port: number } {
    const [host = "", port] = (deployment.addresses[name] ?? "").split(":");
    return { host, port: Number(port) };
  }

  function pidOf(name: string): number {
    const started = events.find((event) => event.type === "process-started" && event.process === name);
    return started?.type === "process-started" ? started.pid : 0;
  }
});

/** Puts keys of every slot range into whichever of the nodes has it. */
async function fill(nodes: readonly { host: string; port: number }[]): Promise<void> {
  const cluster = new Cluster([...nodes]);
  try {
    await Promise.all(Array.from({ length: 60 }, (_, key) => cluster.set(`key ${key}`, "x")));
  } finally {
    cluster.disconnect();
  }
}

async function listening(prefix: string): Promise<string[]> {
  const table = await readFile("/proc/net/tcp", "latin1");
  const open = new Set(
    table.split("\n").flatMap((row, index) => (/^\s*\d+: \S+ \S+ 0A /.test(row) ? [index - 1] : [])),
  );
  const addresses = await boundAddresses();
  return addresses.filter((address, index) => open.has(index) && address.startsWith(prefix));
}

test("a service that does not come up is one error with its last words, and leaves nothing", {
  timeout: 60_000,
}, async () => {
  const { tools } = await provideTools(() => {}, AbortSignal.timeout(50_000));
  const runDir = await mkdtemp(join(tmpdir(), "breakwater-local-"));
  const events: EventBody[] = [];
  const dying = {
    ...service,
    local: { command: ["node", "-e", "console.error('no licence key'); process.exit(7)"] },
  };
  const broken: System = {
    ...systemSchema.parse({
      name: "broken",
      services: { api: dying },
      entry: "api",
      load: { script: "none.ts" },
    }),
    folder: system.folder,
  };
  await assert.rejects(startIn(runDir, tools, events, broken), (error: Error & { code?: string }) => {
    assert.equal(error.code, "PROCESS_NOT_READY");
    assert.match(error.message, /code 7/);
    assert.match(error.message, /no licence key/);
    return true;
  });
  for (const event of events)
    if (event.type === "process-started") assert.equal((await processStat(event.pid)).state, "gone");
  await assert.rejects(access(join(runDir, "work")));
  await rm(runDir, { recursive: true });
});
