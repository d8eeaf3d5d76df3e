import { type Cluster, Redis, type RedisOptions } from "ioredis";
import { type RedisClientOptions, redisClient, whenConnected } from "../cache/redis-client.ts";
import type { TestCluster, TestNode } from "./redis-cluster.ts";

/** The service's client of a test's cluster, connected. */
export async function connectedClient(
  cluster: TestCluster,
  options: Partial<RedisClientOptions> = {},
  withinMs = 10_000,
): Promise<Cluster & Disposable> {
  const client = redisClient({
    nodes: cluster.nodes.map(({ address }) => hostAndPort(address)),
    attemptTimeoutMs: 200,
    maxUnanswered: 1000,
    ...options,
  });
  client.on("error", () => undefined);
  try {
    await whenConnected(client, AbortSignal.timeout(withinMs));
  } catch (thrown) {
    client.disconnect();
    throw thrown;
  }
  return Object.assign(client, { [Symbol.dispose]: () => client.disconnect() });
}

/** A bare connection to one node, which follows nothing and hides nothing. */
export function bareConnection(node: TestNode, options: RedisOptions = {}): Redis & Disposable {
  const connection = new Redis({
    ...hostAndPort(node.address),
    retryStrategy: null,
    enableReadyCheck: false,
    ...options,
    replyMapping: "legacy",
  });
  connection.on("error", () => undefined);
  return Object.assign(connection, { [Symbol.dispose]: () => connection.disconnect() });
}

function hostAndPort(address: string) {
  const portAt = address.lastIndexOf(":");
  return { host: address.slice(0, portAt), port: Number(address.slice(portAt + 1)) };
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const fulfilled = Symbol("fulfilled");
  const result = await promise.then(
    () => fulfilled,
    (thrown: unknown) => thrown,
  );
  if (result === fulfilled) throw new Error("it was not rejected");
  return result;
}
