import { randomInt } from "node:crypto";
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
  /** Clients, and the nodes among themselves, speak TLS, with the certificate in `tls/`. */
  readonly tls?: boolean;
  /** More arguments for every redis-server. */
  readonly args?: readonly string[];
}

const slots = 16384;
const patienceMs = 20_000;
const masterCount = 3;

export async function startRedisCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  await using cleanUp = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "service-test-redis-"));
  cleanUp.defer(() => rm(folder, { recursive: true, force: true }));
  const nodeCount = options.replicas === true ? 2 * masterCount : masterCount;
  const [relayPort = 0, ...ports] = await freePorts(1 + 3 * nodeCount);
  const portOf = (i: number) => ports[3 * i] ?? 0;
  const busPortOf = (i: number) => ports[3 * i + 1] ?? 0;
  const tlsPortOf = (i: number) => ports[3 * i + 2] ?? 0;
  const { password } = options;

  const all: TestNode[] = [];
  for (let i = 0; i < nodeCount; i++) {
    const announcedPort = i === 0 && options.relayed === true ? relayPort : undefined;
    const tlsPort = options.tls === true ? tlsPortOf(i) : undefined;
    const node = await startRedisNode({
      port: portOf(i),
      announcedPort: tlsPort ?? announcedPort,
      password,
      args: [
        ...["--dir", folder, "--save", "", "--appendonly", "no", "--dbfilename", `dump-${i}.rdb`],
        ...["--cluster-enabled", "yes", "--cluster-config-file", `nodes-${i}.conf`],
        ...["--cluster-port", `${busPortOf(i)}`, "--cluster-node-timeout", "1000"],
        ...["--cluster-require-full-coverage", options.fullCoverage === true ? "yes" : "no"],
        // The default waits 5 s before a replica is sent its data, for others that might come.
        ...["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"],
        ...(announcedPort === undefined ? [] : ["--cluster-announce-port", `${announcedPort}`]),
        ...(tlsPort === undefined ? [] : tlsArgs(tlsPort)),
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
      const port = options.tls === true ? tlsPortOf(i) : portOf(i);
      if (other !== node) await node.redis.call("CLUSTER", "MEET", "127.0.0.1", port, busPortOf(i));
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

function tlsArgs(port: number): string[] {
  const file = (name: string) => join(import.meta.dirname, "tls", name);
  return [
    ...["--tls-port", `${port}`, "--tls-cluster", "yes", "--tls-replication", "yes"],
    ...["--tls-auth-clients", "no", "--tls-cert-file", file("cert.pem"), "--tls-key-file", file("key.pem")],
    ...["--tls-ca-cert-file", file("cert.pem")],
  ];
}

/** Resolves once a replica has become a master. */
export async function promoted(replica: TestNode): Promise<void> {
  await eventually(async () => {
    const [role] = await replica.redis.role();
    return role === "master";
  }, 5);
}

/** Makes a replica the master without asking anybody: for faults that the cluster itself does not see. */
export async function takeOver(replica: TestNode): Promise<void> {
  await replica.redis.call("CLUSTER", "FAILOVER", "TAKEOVER");
  await promoted(replica);
}

/** Waits until something is so. The bound is only there to end a test that has failed. */
export async function eventually(isSo: () => boolean | Promise<boolean>, everyMs = 20): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`not so within ${patienceMs} ms: ${isSo.toString()}`);
    await delay(everyMs);
  }
}

function isWhole(clusterInfo: string, nodeCount: number): boolean {
  return (
    clusterInfo.includes("cluster_state:ok") &&
    clusterInfo.includes(`cluster_slots_ok:${slots}`) &&
    clusterInfo.includes(`cluster_known_nodes:${nodeCount}`)
  );
}

/**
 * Below the ports that the kernel gives to outgoing connections: of those, one may be taken between now and the
 * server's start.
 */
async function freePorts(howMany: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < howMany) {
    const port = randomInt(10_000, 32_000);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    ports.add(port);
    await once(server.close(), "close");
  }
  return [...ports];
}
