import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { Command, Redis } from "ioredis";
import { z } from "zod";

// The default for these ends the process without its "exit" event.
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => process.exit(1));

/** One master of a test's cluster. */
export interface TestNode {
  /** `host:port` */
  readonly address: string;
  /** A connection of the test's own. */
  readonly redis: Redis;
  signal(name: NodeJS.Signals): void;
}

/** A real Redis Cluster for tests: three masters on loopback, no replicas. Disposing it stops and removes it. */
export interface TestCluster extends AsyncDisposable {
  readonly nodes: readonly TestNode[];
  /** For BW_REDIS_NODES. */
  readonly addresses: string;
  /** The master that has a key. */
  nodeOf(key: string): TestNode;
}

const slots = 16384;
const nodeCount = 3;

export async function startRedisCluster(): Promise<TestCluster> {
  await using cleanUp = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "service-test-redis-"));
  cleanUp.defer(() => rm(folder, { recursive: true, force: true }));
  const redis = await redisServer();
  const ports = await freePorts(2 * nodeCount);

  const nodes = Array.from({ length: nodeCount }, (_, i): TestNode => {
    const port = ports[2 * i] ?? 0;
    const child = spawn(
      redis.path,
      [
        ...["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--save", "", "--appendonly", "no"],
        ...["--cluster-enabled", "yes", "--cluster-config-file", `nodes-${i}.conf`],
        ...["--cluster-port", `${ports[2 * i + 1]}`, "--cluster-node-timeout", "1000"],
        ...["--cluster-require-full-coverage", "no"],
      ],
      { env: redis.env, stdio: "ignore" },
    );
    // Also when the test's process ends without its hooks: on a broken pipe, or stopped by its runner.
    const killNow = () => void child.kill("SIGKILL");
    process.once("exit", killNow);
    cleanUp.defer(async () => {
      await stop(child);
      process.off("exit", killNow);
    });
    const connection = new Redis(port, "127.0.0.1", { retryStrategy: () => 50 });
    connection.on("error", () => undefined);
    cleanUp.defer(() => connection.disconnect());
    return { address: `127.0.0.1:${port}`, redis: connection, signal: (name) => void child.kill(name) };
  });
  const firstSlot = (i: number) => Math.ceil((i * slots) / nodeCount);

  for (const [i, node] of nodes.entries()) {
    await node.redis.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    await node.redis.call("CLUSTER", "ADDSLOTSRANGE", firstSlot(i), firstSlot(i + 1) - 1);
  }
  for (const [i, node] of nodes.entries()) {
    const busPort = String(ports[2 * i + 1]);
    for (const other of nodes) {
      if (other !== node)
        await other.redis.call("CLUSTER", "MEET", "127.0.0.1", node.address.slice(10), busPort);
    }
  }
  for (const node of nodes)
    await eventually(async () => isWhole(String(await node.redis.call("CLUSTER", "INFO"))));

  const stack = cleanUp.move();
  return {
    nodes,
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

/** Waits until something is so. The bound is only there to end a test that has failed. */
export async function eventually(isSo: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`not so within ${withinMs} ms: ${isSo.toString()}`);
    await delay(20);
  }
}

function isWhole(clusterInfo: string): boolean {
  return clusterInfo.includes("cluster_state:ok") && clusterInfo.includes(`cluster_slots_ok:${slots}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

/** A redis-server from the environment, else the one that the harness has. */
async function redisServer(): Promise<{ path: string; env: NodeJS.ProcessEnv }> {
  const given = process.env.BREAKWATER_REDIS_SERVER;
  if (given !== undefined) return { path: given, env: process.env };
  const printTools = join(import.meta.dirname, "../../harness/toolchain/print-tools.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [printTools]);
  const tools = z
    .object({ redisServer: z.string(), redisEnv: z.record(z.string(), z.string()) })
    .parse(JSON.parse(stdout));
  return { path: tools.redisServer, env: { ...process.env, ...tools.redisEnv } };
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
