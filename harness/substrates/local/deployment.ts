import { setTimeout as delay } from "node:timers/promises";
import { BreakwaterError } from "../../errors.ts";
import type {
  Contents,
  Deployment,
  HoldResult,
  Job,
  JobSpec,
  Operation,
  ProbeResult,
  ProcessState,
} from "../substrate.ts";
import type { LaidLink, LaidMember, Layout } from "./layout.ts";
import type { LinkShaper } from "./links.ts";
import { exchange, keepOpen } from "./probe.ts";
import { processStat } from "./proc.ts";
import { environment, type Processes, type ProcessSpec, type RunningProcess } from "./processes.ts";
import { inItsPlace, nodeContents, nodeState, type RedisNode, removeAll } from "./redis-cluster.ts";
import type { Router } from "./router-process.ts";

/** How long a member gets to answer when it is looked at. */
const observeTimeoutMs = 500;

export interface StartedMember {
  readonly member: LaidMember;
  /** How to start it again; undefined for what is not ours. */
  readonly spec: ProcessSpec | undefined;
  running: RunningProcess | undefined;
}

/** What changes while a deployment lives. */
export interface DeploymentState {
  readonly layout: Layout;
  readonly members: StartedMember[];
  readonly tools: RunningProcess[];
  /** Names of members whose process is being ended by a fault: their end is expected. */
  readonly hit: Set<string>;
}

export function deploy(
  state: DeploymentState,
  router: Router,
  shaper: LinkShaper,
  processes: Processes,
  apiUrl: string,
  hurry: AbortSignal,
  cleanup: AsyncDisposableStack,
): Deployment {
  const { layout, members, hit } = state;
  const the = (id: string): StartedMember => {
    const found = members.find(({ member }) => member.id === id);
    if (found === undefined)
      throw new BreakwaterError(
        "HARNESS_ERROR",
        "MEMBER_UNKNOWN",
        `Cannot act on "${id}": there is no such member`,
      );
    return found;
  };
  const nodeOf = (id: string): RedisNode => {
    const { member } = the(id);
    if (member.kind === "node") return member.node;
    throw new BreakwaterError(
      "HARNESS_ERROR",
      "NOT_A_STORE",
      `Cannot reach the data of "${id}": it is no node of a store`,
    );
  };
  const links = new Map(layout.links.map((link) => [link.id, link]));
  const theLink = (id: string): LaidLink => {
    const found = links.get(id);
    if (found === undefined)
      throw new BreakwaterError(
        "HARNESS_ERROR",
        "LINK_UNKNOWN",
        `Cannot probe "${id}": there is no such link`,
      );
    return found;
  };
  const broken = new Promise<never>((_, reject) => {
    for (const tool of state.tools) {
      tool.exited.then(async () => {
        if (processes.ending()) return;
        reject(
          new BreakwaterError(
            "HARNESS_ERROR",
            "TOOL_DIED",
            `Cannot go on: "${tool.name}" has ended in the middle of the run\n${await processes.tail(tool.name)}`,
          ),
        );
      });
    }
  });
  broken.catch(() => {});

  const actOnProcess = async (op: "kill" | "start" | "pause" | "resume", id: string) => {
    const target = the(id);
    switch (op) {
      case "kill":
        hit.add(id);
        router.listenFor(id, false);
        target.running?.signal("SIGKILL");
        return;
      case "start": {
        if (target.spec === undefined) return;
        const now = target.running === undefined ? "gone" : (await processStat(target.running.pid)).state;
        if (now !== "gone") return;
        await target.running?.exited;
        hit.delete(id);
        target.running = await processes.start(target.spec);
        router.sourceRunsAs(id, target.running.pid);
        router.listenFor(id, true);
        return;
      }
      case "pause":
        target.running?.signal("SIGSTOP");
        return;
      case "resume":
        target.running?.signal("SIGCONT");
        return;
    }
  };

  return {
    entry: new URL(`http://${layout.entry.host}:${layout.entry.port}`),
    members: layout.members.map(({ id, of }) => ({ id, of })),
    links: layout.links.map(({ id, from, to }) => ({ id, from, to })),
    addresses: {
      ...Object.fromEntries(layout.members.map(({ id, direct }) => [id, `${direct.host}:${direct.port}`])),
      "toxiproxy API": apiUrl,
    },
    broken,

    async role(id) {
      const { member } = the(id);
      return member.kind === "node" ? (await nodeState(member.node)).role : undefined;
    },

    async perform(operation: Operation) {
      switch (operation.op) {
        case "shape":
          return await shaper.shape(operation.link, operation.as, operation.shape);
        case "unshape":
          return await shaper.unshape(operation.link, operation.as);
        case "empty":
          return await removeAll(nodeOf(operation.member));
        default:
          return await actOnProcess(operation.op, operation.member);
      }
    },

    async observe(id): Promise<ProcessState> {
      const { running } = the(id);
      const stat = running === undefined ? undefined : await processStat(running.pid);
      // Another process may have got the same pid: then ours is gone.
      if (stat === undefined || stat.identity !== running?.identity) return { state: "gone", identity: "" };
      return { state: stat.state, identity: stat.identity };
    },

    serves: (id) => serves(the(id).member, layout.members),

    contents: async (id): Promise<Contents> => await nodeContents(nodeOf(id)),

    async probe(id, timeoutMs): Promise<ProbeResult> {
      const link = theLink(id);
      return await exchange(link.probe.from, link.probe.to, the(link.to).member.question ?? "", timeoutMs);
    },

    async ask(id, timeoutMs): Promise<ProbeResult> {
      const { member } = the(id);
      return await exchange(undefined, member.direct, member.question ?? "", timeoutMs);
    },

    async hold(id, forMs): Promise<HoldResult> {
      const { probe } = theLink(id);
      return await keepOpen(probe.from, probe.to, forMs);
    },

    holdDirectly: (id, forMs) => keepOpen(undefined, the(id).member.direct, forMs),

    traffic: async () => router.traffic(),

    async launch({ inherits, ...job }: JobSpec): Promise<Job> {
      const inherited = Object.entries(environment()).filter(([name]) => inherits(name));
      const process = await processes.start({
        ...job,
        env: { ...Object.fromEntries(inherited), ...job.env },
        stdout: "pipe",
        ends: true,
      });
      const { stdout } = process.child;
      if (stdout === null)
        throw new BreakwaterError(
          "HARNESS_ERROR",
          "JOB_WITHOUT_OUTPUT",
          `Cannot read what "${job.name}" prints`,
        );
      return { pid: process.pid, stdout, exited: process.exited, stop: () => process.stop(2_000, hurry) };
    },

    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
}

/** Asks the member itself, past all links; of a node also the others of its store. */
async function serves(member: LaidMember, members: readonly LaidMember[]): Promise<boolean> {
  const late = new AbortController();
  const answer = await Promise.race([
    fitness(member, members).catch(() => false),
    delay(observeTimeoutMs, false, { signal: late.signal }).catch(() => false),
  ]);
  late.abort();
  return answer;
}

async function fitness(member: LaidMember, members: readonly LaidMember[]): Promise<boolean> {
  switch (member.kind) {
    case "node": {
      const others = members.flatMap((other) =>
        other.kind === "node" && other.of === member.of && other.id !== member.id ? [other.node] : [],
      );
      return await inItsPlace(member.node, others);
    }
    case "replica": {
      const { host, port } = member.direct;
      const answer = await fetch(`http://${host}:${port}${member.service.ready.path}`, {
        signal: AbortSignal.timeout(observeTimeoutMs),
      });
      return answer.status === 200;
    }
    case "outside":
      return true;
  }
}
