import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { BreakwaterError, reasonOf } from "../../errors.ts";
import type { Store } from "../../system/system.ts";
import type { Contents, Role } from "../substrate.ts";
import type { Target } from "./router-protocol.ts";

export type RedisClusterStore = Extract<Store, { kind: "redis-cluster" }>;

/** One node: where it listens, and the address that the others and the clients know it by. */
export interface RedisNode {
  readonly id: string;
  readonly direct: Target;
  readonly announced: Target & { readonly busPort: number };
}

/** Writes the node's redis.conf into its folder and returns the file's path. */
export async function writeNodeConfig(
  folder: string,
  store: RedisClusterStore,
  node: RedisNode,
): Promise<string> {
  const settings: Record<string, string> = {
    bind: node.direct.host,
    "bind-source-addr": node.direct.host,
    port: String(node.direct.port),
    "protected-mode": "no",
    "cluster-enabled": "yes",
    "cluster-port": String(node.announced.busPort),
    "cluster-config-file": "nodes.conf",
    "cluster-node-timeout": String(store.nodeTimeoutMs),
    "cluster-announce-ip": node.announced.host,
    "cluster-announce-port": String(node.announced.port),
    "cluster-announce-bus-port": String(node.announced.busPort),
    // With `yes` one dead shard takes all others down until its replica is promoted.
    "cluster-require-full-coverage": "no",
    // The default of 5 s makes a replica wait for others that might want the same transfer.
    "repl-diskless-sync-delay": "0",
    // A title is written over the environment, and with it over the run's mark.
    "set-proc-title": "no",
    save: '""',
    appendonly: "no",
    dir: folder,
    ...store.config,
  };
  const file = join(folder, "redis.conf");
  await writeFile(
    file,
    Object.entries(settings)
      .map(([key, value]) => `${key} ${value}\n`)
      .join(""),
  );
  return file;
}

/** Short-lived client of one node, past all links. */
async function withNode<T>({ direct }: RedisNode, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({
    host: direct.host,
    port: direct.port,
    lazyConnect: true,
    connectTimeout: 500,
    commandTimeout: 500,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    disableClientInfo: true,
  });
  redis.on("error", () => {});
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** What a node says of itself and of the cluster. */
export interface NodeState {
  readonly role: Role;
  /** Of a replica: whether it is in sync with its master. Of a master: true. */
  readonly inSync: boolean;
  readonly clusterOk: boolean;
}

/** Rejects when the node does not answer in time. */
export async function nodeState(node: RedisNode): Promise<NodeState> {
  return await withNode(node, async (redis) => {
    const [replication, cluster] = await Promise.all([redis.info("replication"), redis.cluster("INFO")]);
    const role = /^role:slave/m.test(replication) ? "replica" : "master";
    return {
      role,
      inSync: role === "master" || /^master_link_status:up/m.test(replication),
      clusterOk: /^cluster_state:ok/m.test(cluster),
    };
  });
}

/** @throws BreakwaterError FLUSH_FAILED when the node does not answer in time or refuses, as a replica does */
export async function removeAll(node: RedisNode): Promise<void> {
  try {
    await withNode(node, (redis) => redis.flushall());
  } catch (cause) {
    throw new BreakwaterError(
      "HARNESS_ERROR",
      "FLUSH_FAILED",
      `Cannot remove the data of "${node.id}": FLUSHALL failed: ${reasonOf(cause)}`,
      { cause },
    );
  }
}

/** Rejects when the node does not answer in time. */
export async function nodeContents(node: RedisNode): Promise<Contents> {
  return await withNode(node, async (redis) => {
    const [entries, stats] = await Promise.all([redis.dbsize(), redis.info("commandstats")]);
    return { entries, timesEmptied: timesDone(stats, "flushall") + timesDone(stats, "flushdb") };
  });
}

/** From a row of `INFO commandstats`: `cmdstat_flushall:calls=1,usec=27,…,failed_calls=0`. Rejected ones are no calls. */
function timesDone(stats: string, command: string): number {
  const [, calls = "0", failed = "0"] =
    new RegExp(`^cmdstat_${command}:calls=(\\d+).*?failed_calls=(\\d+)`, "m").exec(stats) ?? [];
  return Number(calls) - Number(failed);
}

/**
 * Whether the node is in its place: in sync, and most of the others see it alive, in the same role and with the
 * same slots as it does itself. A master that was killed and started again believes for a while that it still has
 * its slots, and is a replica soon after. Rejects when the node does not answer in time.
 */
export async function inItsPlace(node: RedisNode, others: readonly RedisNode[]): Promise<boolean> {
  const [state, own, ...views] = await Promise.all([
    nodeState(node),
    clusterNodes(node),
    ...others.map((other) => clusterNodes(other).catch(() => [])),
  ]);
  const itself = own.find(({ flags }) => flags.includes("myself"));
  if (itself === undefined || !state.inSync || !state.clusterOk) return false;
  const agreeing = views.filter((view) => {
    const seen = view.find(({ id }) => id === itself.id);
    return seen?.alive === true && seen.role === itself.role && seen.slots === itself.slots;
  });
  return others.length === 0 || agreeing.length > others.length / 2;
}

interface ClusterNode {
  readonly id: string;
  readonly flags: readonly string[];
  readonly role: "master" | "slave" | undefined;
  readonly alive: boolean;
  readonly slots: string;
}

/** A row is `<id> <ip:port@cport> <flags> <master> <ping> <pong> <epoch> <link-state> <slots>`. */
async function clusterNodes(node: RedisNode): Promise<ClusterNode[]> {
  const text = String(await withNode(node, (redis) => redis.call("CLUSTER", "NODES")));
  return text
    .trim()
    .split("\n")
    .map((row) => {
      const [id = "", , flagged = "", , , , , link, ...slots] = row.trim().split(" ");
      const flags = flagged.split(",");
      return {
        id,
        flags,
        role: flags.includes("master") ? "master" : flags.includes("slave") ? "slave" : undefined,
        alive: !flags.includes("fail") && !flags.includes("fail?") && link === "connected",
        slots: slots.join(" "),
      };
    });
}

/** Makes a cluster of running nodes: the first `masters` of them share the slots, the others replicate in turn. */
export async function formCluster(
  nodes: readonly RedisNode[],
  masters: number,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    nodes.map((node) =>
      until(signal, () => withNode(node, async (redis) => (await redis.ping()) === "PONG")),
    ),
  );
  const owners = nodes.slice(0, masters);
  await Promise.all(
    owners.map(async (node, index) => {
      const from = Math.floor((16_384 * index) / masters);
      const to = Math.floor((16_384 * (index + 1)) / masters) - 1;
      await withNode(node, async (redis) => {
        await redis.cluster("SET-CONFIG-EPOCH", index + 1);
        await redis.cluster("ADDSLOTSRANGE", from, to);
      });
    }),
  );
  const [first, ...others] = nodes;
  if (first === undefined) return;
  const ids = new Map<string, string>();
  await Promise.all(
    nodes.map(async (node) => ids.set(node.id, await withNode(node, (redis) => redis.cluster("MYID")))),
  );
  for (const { announced } of others) {
    await withNode(first, (redis) =>
      redis.call("CLUSTER", "MEET", announced.host, announced.port, announced.busPort),
    );
  }
  await Promise.all(
    nodes.map((node) =>
      until(signal, async () =>
        (await withNode(node, (redis) => redis.cluster("INFO"))).includes(
          `cluster_known_nodes:${nodes.length}\r`,
        ),
      ),
    ),
  );
  await Promise.all(
    nodes.slice(masters).map((node, index) => {
      const master = owners[index % masters];
      return until(signal, () =>
        withNode(
          node,
          async (redis) => (await redis.cluster("REPLICATE", ids.get(master?.id ?? "") ?? "")) === "OK",
        ),
      );
    }),
  );
  await Promise.all(
    nodes.map((node, index) =>
      until(signal, async () => {
        const { role, inSync, clusterOk } = await nodeState(node);
        return clusterOk && inSync && role === (index < masters ? "master" : "replica");
      }),
    ),
  );
}

/** Tries until it holds; what it throws meanwhile is told when the time is over. */
async function until(signal: AbortSignal, holds: () => Promise<boolean>): Promise<void> {
  let last: unknown = "it was not so yet";
  while (!signal.aborted) {
    try {
      if (await holds()) return;
    } catch (thrown) {
      last = thrown;
    }
    await delay(25);
  }
  throw new BreakwaterError(
    "HARNESS_ERROR",
    "CLUSTER_NOT_READY",
    `Cannot form the Redis cluster in time: ${reasonOf(last)}`,
    { cause: last },
  );
}
