import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "ioredis";
import { startRedisNode, type TestNode } from "./redis-node.ts";
import { type Relay, startRelay } from "./relay.ts";

export type { TestNode } from "./redis-node.ts";

// The default for these ends the process without its "exit" event.
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => process.exit(1));

/** A real Redis Cluster for tests: three masters on loopback. Disposing it stops and removes it. */
export interface TestCluster extends AsyncDisposable {
  /** The masters at the start. */
  readonly nodes: readonly TestNode[];
  /** The replicas at the start, in the order of their masters. */
  readonly replicas: readonly TestNode[];
  /** What lies between clients and the first master, where that was asked for. */
  readonly relay: Relay | undefined;
  /** For BW_REDIS_NODES. */
  readonly addresses: string;
  /** The master that had a key at the start. */
  nodeOf(key: string): TestNode;
}

export interface TestClusterOptions {
  /** One replica for each master. */
  readonly replicas?: boolean;
  /** Clients reach the first master by a relay only. Its replica does too; the cluster's bus does not. */
  readonly relayed?: boolean;
  /** Whether every shard refuses while one has no master. */
  readonly fullCoverage?: boolean;
  readonly password?: string;
  /** More arguments for every redis-server. */
  readonly args?: readonly string[];
}

const slots = 16384;
const masterCount = 3;

export async function startRedisCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  await using cleanUp = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "service-test-redis-"));
  cleanUp.defer(() => rm(folder, { recursive: true, force: true }));
  const nodeCount = options.replicas === true ? 2 * masterCount : masterCount;
  const [relayPort = 0, ...ports] = await freePorts(1 + 2 * nodeCount);
  const portOf = (i: number) => ports[2 * i] ?? 0;
  const busPortOf = (i: number) => ports[2 * i + 1] ?? 0;
  const { password } = options;

  const all: TestNode[] = [];
  for (let i = 0; i < nodeCount; i++) {
    const announcedPort = i === 0 && options.relayed === true ? relayPort : undefined;
    const node = await startRedisNode({
      port: portOf(i),
      announcedPort,
      password,
      args: [
        ...["--dir", folder, "--save", "", "--appendonly", "no", "--dbfilename", `dump-${i}.rdb`],
        ...["--cluster-enabled", "yes", "--cluster-config-file", `nodes-${i}.conf`],
        ...["--cluster-port", `${busPortOf(i)}`, "--cluster-node-timeout", "1000"],
        ...["--cluster-require-full-coverage", options.fullCoverage === true ? "yes" : "no"],
        // The default waits 5 s before a replica is sent its data, for others that might come.
        ...["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"],
        ...(announcedPort === undefined ? [] : ["--cluster-announce-port", `${announcedPort}`]),
        ...(password === undefined ? [] : ["--requirepass", password, "--masterauth", password]),
        ...(options.args ?? []),
      ],
    });
    cleanUp.use(node);
    all.push(node);
  }
  const relay = options.relayed === true ? cleanUp.use(await startRelay(relayPort, portOf(0))) : undefined;
  const nodes = all.slice(0, masterCount);
  const replicas = all.slice(masterCount);
  const firstSlot = (i: number) => Math.ceil((i * slots) / masterCount);

  for (const [i, node] of nodes.entries()) {
    await node.redis.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    await node.redis.call("CLUSTER", "ADDSLOTSRANGE", firstSlot(i), firstSlot(i + 1) - 1);
  }
  for (const node of all) {
    for (const [i, other] of all.entries()) {
      if (other !== node) await node.redis.call("CLUSTER", "MEET", "127.0.0.1", portOf(i), busPortOf(i));
    }
  }
  for (const node of all)
    await eventually(async () => isWhole(String(await node.redis.call("CLUSTER", "INFO")), nodeCount));
  for (const [i, replica] of replicas.entries()) {
    const id = await nodes[i]?.redis.call("CLUSTER", "MYID");
    await replica.redis.call("CLUSTER", "REPLICATE", String(id));
  }
  for (const replica of replicas)
    await eventually(async () => /master_link_status:up/.test(await replica.redis.info("replication")));
  // Every node must know every replica, else a client that asks it would not.
  for (const node of all)
    await eventually(async () => {
      const shards = await node.redis.call("CLUSTER", "SLOTS");
      return Array.isArray(shards) && shards.every((shard) => shard.length === 2 + nodeCount / masterCount);
    });

  const stack = cleanUp.move();
  return {
    nodes,
    replicas,
    relay,
    addresses: nodes.map(({ address }) => address).join(","),
    nodeOf(key) {
      const slot = new Command("get", [key]).getSlot();
      const node = nodes.find((_, i) => slot < firstSlot(i + 1));
      if (node === undefined) throw new Error(`no node has slot ${slot}`);
      return node;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Resolves once a replica has become a master. */
export async function promoted(replica: TestNode): Promise<void> {
  await eventually(async () => {
    const [role] = await replica.redis.role();
    return role === "master";
  });
}

/** Makes a replica the master without asking anybody: for faults that the cluster itself does not see. */
export async function takeOver(replica: TestNode): Promise<void> {
  await replica.redis.call("CLUSTER", "FAILOVER", "TAKEOVER");
  await promoted(replica);
}

/** Waits until something is so. The bound is only there to end a test that has failed. */
export async function eventually(isSo: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`not so within ${withinMs} ms: ${isSo.toString()}`);
    await delay(20);
  }
}

function isWhole(clusterInfo: string, nodeCount: number): boolean {
  return (
    clusterInfo.includes("cluster_state:ok") &&
    clusterInfo.includes(`cluster_slots_ok:${slots}`) &&
    clusterInfo.includes(`cluster_known_nodes:${nodeCount}`)
  );
}

async function freePorts(howMany: number): Promise<number[]> {
  const servers = Array.from({ length: howMany }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
