import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { z } from "zod";

/** One node of a test's cluster. */
export interface TestNode {
  /** `host:port`, as the node's cluster tells its clients. */
  readonly address: string;
  /** A connection of the test's own, which goes around whatever lies on the clients' way. */
  readonly redis: Redis;
  signal(name: NodeJS.Signals): void;
  /** Kills it and starts it again with what it has on disk. Resolves once it answers, loading or not. */
  restart(...moreArgs: readonly string[]): Promise<void>;
}

export interface NodeOptions {
  readonly port: number;
  /** What clients are told, where that is not `port`. */
  readonly announcedPort?: number | undefined;
  readonly args: readonly string[];
  readonly password?: string | undefined;
}

/** A redis-server on loopback that answers, with its process's end as its disposal. */
export async function startRedisNode(options: NodeOptions): Promise<TestNode & AsyncDisposable> {
  const { port, announcedPort = port, args, password } = options;
  const redis = await redisServer();
  const start = (...moreArgs: readonly string[]) =>
    spawn(redis.path, ["--bind", "127.0.0.1", "--port", `${port}`, ...args, ...moreArgs], {
      env: redis.env,
      stdio: "ignore",
    });
  let child = start();
  // Also when the test's process ends without its hooks: on a broken pipe, or stopped by its runner.
  const killNow = () => void child.kill("SIGKILL");
  process.once("exit", killNow);
  const connection = new Redis(port, "127.0.0.1", {
    retryStrategy: () => 50,
    enableReadyCheck: false,
    ...(password === undefined ? {} : { password }),
  });
  connection.on("error", () => undefined);
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`redis-server on port ${port} ended at once, with code ${code}`);
  });
  // Later ends are the test's own doing.
  gone.catch(() => undefined);
  try {
    await Promise.race([connection.ping(), gone]);
  } catch (thrown) {
    connection.disconnect();
    process.off("exit", killNow);
    throw thrown;
  }
  return {
    address: `127.0.0.1:${announcedPort}`,
    redis: connection,
    signal: (name) => void child.kill(name),
    async restart(...moreArgs) {
      await stop(child);
      child = start(...moreArgs);
      const probe = new Redis(port, "127.0.0.1", { retryStrategy: () => 20, enableReadyCheck: false });
      probe.on("error", () => undefined);
      await probe.ping().catch(() => undefined);
      probe.disconnect();
    },
    async [Symbol.asyncDispose]() {
      connection.disconnect();
      await stop(child);
      process.off("exit", killNow);
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

/** A redis-server from the environment, else the one that the harness has. */
async function redisServer(): Promise<{ path: string; env: NodeJS.ProcessEnv }> {
  const given = process.env["BREAKWATER_REDIS_SERVER"];
  if (given !== undefined) return { path: given, env: process.env };
  const printTools = join(import.meta.dirname, "../../harness/toolchain/print-tools.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [printTools]);
  const tools = z
    .object({ redisServer: z.string(), redisEnv: z.record(z.string(), z.string()) })
    .parse(JSON.parse(stdout));
  return { path: tools.redisServer, env: { ...process.env, ...tools.redisEnv } };
}
