import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BreakwaterError, reasonOf } from "../../errors.ts";
import type { System } from "../../system/system.ts";
import type { Deployment, Offer, StartOptions, Substrate } from "../substrate.ts";
import { maxMembers, takeNetwork, wholeLoopback } from "./addresses.ts";
import { cleanLeftovers, workFolderName } from "./clean.ts";
import { type DeploymentState, deploy, type StartedMember } from "./deployment.ts";
import { countMembers, type LaidMember, type Layout, layOut } from "./layout.ts";
import { shapeLinks } from "./links.ts";
import { environment, ledgerName, openProcesses, type Processes, type ProcessSpec } from "./processes.ts";
import { formCluster, writeNodeConfig } from "./redis-cluster.ts";
import { startRouter } from "./router-process.ts";
import { toxiproxyAt } from "./toxiproxy.ts";

/** Time in which a Redis cluster of any size forms, on a machine under load. */
const clusterWithinMs = 30_000;

/** What a process gets to end by itself at the end of a run; services drain in it. */
const stopGraceMs = 3_000;

/** Child processes on loopback: no Docker, no root. Linux only, since every member has an address of its own. */
const local: Substrate = {
  name: "local",
  async offer(): Promise<Offer> {
    if (process.platform !== "linux" || !(await wholeLoopback())) {
      return {
        capabilities: [],
        limits: [
          "the local substrate gives every member an address of its own in 127.0.0.0/8 and reads /proc: it needs Linux",
        ],
      };
    }
    const ofMembers = ["kill", "start", "pause", "resume", "empty"] as const;
    return { capabilities: [...ofMembers, "latency", "silent", "refused", "lifetime"], limits: [] };
  },
  unfit(system) {
    const withoutCommand = Object.entries(system.services)
      .filter(([, service]) => service.local === undefined)
      .map(([name]) => `the service "${name}" has no \`local: { command }\` to start it as a process`);
    const size = countMembers(system);
    return size > maxMembers
      ? [...withoutCommand, `it has ${size} replicas and nodes, and one run takes ${maxMembers}`]
      : withoutCommand;
  },
  start,
  clean: cleanLeftovers,
};
export default local;

async function start(system: System, options: StartOptions, signal: AbortSignal): Promise<Deployment> {
  const { runDir, record } = options;
  await using cleanup = new AsyncDisposableStack();
  const startedAt = performance.now();
  const workDir = join(runDir, workFolderName);
  await mkdir(workDir, { recursive: true });
  await mkdir(join(runDir, "logs"), { recursive: true });
  cleanup.defer(async () => {
    await rm(workDir, { recursive: true, force: true });
    // Everything in it has ended: there is nothing left to find.
    await rm(join(runDir, ledgerName), { force: true });
  });

  const layout = await layOut(system, await takeNetwork());
  const state: DeploymentState = { layout, members: [], tools: [], hit: new Set() };
  const processes = await openProcesses(runDir, options.runId, record, (name) => state.hit.has(name));
  cleanup.defer(() => processes.stopAll(stopGraceMs, options.hurry));

  const apiUrl = `http://${layout.toxiproxyApi.host}:${layout.toxiproxyApi.port}`;
  const toxiproxy = toxiproxyAt(apiUrl);
  const toxiproxyProcess = await processes.start({
    name: "toxiproxy",
    command: [
      options.tools.toxiproxyServer,
      "-host",
      layout.toxiproxyApi.host,
      "-port",
      String(layout.toxiproxyApi.port),
    ],
    env: { ...environment(), LOG_LEVEL: "warn" },
    cwd: workDir,
  });
  state.tools.push(toxiproxyProcess);
  await comeUp(processes, "toxiproxy", toxiproxyProcess.exited, 10_000, signal, () =>
    toxiproxy.version().then(() => true),
  );
  await toxiproxy.populate(layout.proxies);

  const router = await startRouter(
    processes,
    environment(),
    workDir,
    layout.sources,
    layout.listeners,
    record,
    signal,
  );
  state.tools.push(router.process);

  for (const member of layout.members) {
    const spec = await processOf(member, layout, system, options, workDir);
    const started: StartedMember = {
      member,
      spec,
      running: spec === undefined ? undefined : await processes.start(spec),
    };
    state.members.push(started);
    if (started.running !== undefined) router.sourceRunsAs(member.id, started.running.pid);
  }
  await Promise.all([
    ...Object.entries(system.stores).map(async ([name, store]) => {
      if (store.kind !== "redis-cluster") return;
      const nodes = layout.members.flatMap((member) =>
        member.kind === "node" && member.of === name ? [member.node] : [],
      );
      const late = AbortSignal.timeout(clusterWithinMs);
      try {
        await formCluster(nodes, store.masters, AbortSignal.any([signal, late]));
      } catch (cause) {
        signal.throwIfAborted();
        throw new BreakwaterError(
          "HARNESS_ERROR",
          "STORE_NOT_READY",
          `Cannot start "${name}": ${reasonOf(cause)}\n${await processes.tail(`${name}-0`)}`,
          { cause },
        );
      }
    }),
    ...state.members.map(async ({ member, running }) => {
      if (member.kind !== "replica" || running === undefined) return;
      const { ready } = member.service;
      await comeUp(processes, member.id, running.exited, ready.withinMs, signal, async () => {
        const answer = await fetch(`http://${member.direct.host}:${member.direct.port}${ready.path}`, {
          signal: AbortSignal.timeout(1_000),
        });
        await answer.body?.cancel();
        if (answer.status === 200) return true;
        throw new Error(`${answer.url} answered ${answer.status}, and 200 is wanted`);
      });
    }),
  ]);

  await entryTakesConnections(processes, layout, system, signal);

  const deployment = deploy(
    state,
    router,
    shapeLinks(layout.links, toxiproxy, router.limitLifetime),
    processes,
    apiUrl,
    options.hurry,
    cleanup.move(),
  );
  record("substrate", {
    type: "system-ready",
    tookMs: Math.round(performance.now() - startedAt),
    entry: deployment.entry.href,
  });
  return deployment;
}

/** The router finds out by itself who is ready, a moment later than we do: until then it resets every connection. */
async function entryTakesConnections(
  processes: Processes,
  { entry }: Layout,
  system: System,
  signal: AbortSignal,
): Promise<void> {
  const service = system.services[system.entry];
  if (service === undefined) return;
  const { path, withinMs } = service.ready;
  await comeUp(processes, "router", new Promise(() => {}), withinMs, signal, async () => {
    const answer = await fetch(`http://${entry.host}:${entry.port}${path}`, {
      signal: AbortSignal.timeout(1_000),
    });
    await answer.body?.cancel();
    return answer.status === 200;
  });
}

async function processOf(
  member: LaidMember,
  layout: Layout,
  system: System,
  options: StartOptions,
  workDir: string,
): Promise<ProcessSpec | undefined> {
  switch (member.kind) {
    case "outside":
      return undefined;
    case "node": {
      const folder = join(workDir, member.id);
      await mkdir(folder, { recursive: true });
      const config = await writeNodeConfig(folder, member.store, member.node);
      return {
        name: member.id,
        command: [options.tools.redisServer, config],
        env: { ...environment(), ...options.tools.redisEnv },
        cwd: folder,
      };
    }
    case "replica": {
      const { service } = member;
      const [program = "", ...args] = service.local?.command ?? [];
      return {
        name: member.id,
        command: [program, ...args],
        env: {
          ...environment(),
          ...layout.env[member.id],
          ...options.env[member.of],
          [service.portVariable]: String(member.direct.port),
        },
        cwd: system.folder,
      };
    }
  }
}

/** Waits until it answers; its end or the end of the time is one error with its last words. */
async function comeUp(
  processes: Processes,
  name: string,
  exited: Promise<{ code: number | null; signal: string | null }>,
  withinMs: number,
  signal: AbortSignal,
  answers: () => Promise<boolean>,
): Promise<void> {
  let ended: string | undefined;
  exited.then(({ code, signal: by }) => {
    ended = by === null ? `its process ended with code ${code}` : `its process was ended by ${by}`;
  });
  const until = performance.now() + withinMs;
  let last = "it was not ready yet";
  while (ended === undefined && performance.now() < until) {
    signal.throwIfAborted();
    try {
      if (await answers()) return;
      last = "it says that it is not ready";
    } catch (thrown) {
      last = reasonOf(thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown);
    }
    await delay(50);
  }
  const tail = await processes.tail(name);
  throw new BreakwaterError(
    "HARNESS_ERROR",
    "PROCESS_NOT_READY",
    `Cannot start "${name}" within ${withinMs / 1000} s: ${ended ?? last}${tail === "" ? "" : `\n${tail}`}`,
    {
      hint: `the whole log is in logs/${name}.log of the run's folder`,
    },
  );
}
