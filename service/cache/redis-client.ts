import type { ConnectionOptions } from "node:tls";
import { Cluster, type ClusterOptions } from "ioredis";
import { untilAborted } from "../resilience/policy.ts";
import { batchWrites } from "./batched-writes.ts";
import { limitUnanswered } from "./unanswered.ts";

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

export interface RedisClientOptions {
  readonly nodes: readonly NodeAddress[];
  /** Sent to every node, before anything else. Without a username, the user is the one named "default". */
  readonly credentials?: { readonly username: string | undefined; readonly password: string } | undefined;
  /** undefined: plain TCP. */
  readonly tls?: ConnectionOptions | undefined;
  /** undefined: a command waits for as long as its connection lasts. */
  readonly attemptTimeoutMs: number | undefined;
  /** How many replies a connection, and so a shard, may owe before commands to it are rejected at once. */
  readonly maxUnanswered: number;
}

/** How often the client looks whether it should ask which node has which slots. */
const lookMs = 200;
/** How often it asks while every shard answers: a replica may be added, a slot moved and not yet asked for. */
const slotsRefreshMs = 1000;

/**
 * The Redis Cluster client: the one place that decides how it fails.
 *
 * By its defaults ioredis 6 waits for ever on a shard that has fallen silent, and queues without bound.
 * These settings make a command to an ill shard fail fast, and find the promoted replica soon after the
 * promotion: `npm run bench:failover` tells how soon.
 *
 * No command is kept to be sent later. One thing is out of a client's hands: what it wrote to a node that was
 * stopped, until it dropped the connection, is in the kernel, and carried out when the node goes on. So a SET
 * may take effect seconds after its caller was told that it failed, if the node is still a master then.
 */
export function redisClient(settings: RedisClientOptions): Cluster {
  const { nodes, credentials, tls, attemptTimeoutMs, maxUnanswered } = settings;
  const timeouts =
    attemptTimeoutMs === undefined
      ? {}
      : {
          // Also bounds CLUSTER SLOTS and the handshake. The command stays in the connection's queue.
          commandTimeout: attemptTimeoutMs,
          // A connection that owes replies and is silent for this long is dropped. Without it commands to a
          // silent node go on timing out long after its replica was promoted; TCP itself notices after
          // about 15 minutes. It covers the handshake too, which connectTimeout does not: that ends with
          // the TCP connection, and a proxy accepts at once.
          socketTimeout: Math.max(1000, 2 * attemptTimeoutMs),
        };
  const options = {
    redisOptions: {
      ...timeouts,
      ...credentials,
      ...(tls === undefined ? {} : { tls }),
      // For a SYN that nobody answers: the next one may be. The default is 10 s. No command waits for it.
      connectTimeout: 500,
    },
    // A certificate has the name that the node was configured by. ioredis would connect to its address, and then
    // check that against the certificate.
    ...(tls === undefined ? {} : { dnsLookup: asItIs }),
    // Only here at the top level: inside redisOptions it is ignored. With it, commands wait in a queue that
    // has no bound and no timeout, and come out late, all at once.
    enableOfflineQueue: false,
    // Before it calls itself ready, ioredis would ask one node, drawn at random, for the cluster's state, and
    // start over when that one is silent, still connecting, or on the wrong side of a partition. One ill
    // node must not keep the client from the healthy ones; each shard's breaker knows better.
    enableReadyCheck: false,
    // ioredis would send a command again that was in flight on a connection that closed: at least once,
    // after 100 ms, by a queue without bound. The fallback is faster, and the caller decides on retries.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // Only for commands about several keys, while their slot moves. They wait in a queue without bound, which
    // is emptied all at once: by default after 100 ms.
    retryDelayOnTryAgain: 0,
    // One MOVED, one ASK, one to spare. Nodes that do not agree on a slot's owner yet send a client back and forth:
    // by default 16 times for each command, at the busiest moment.
    maxRedirections: 3,
    // A replica answers with what an invalidation has already deleted at its master.
    scaleReads: "master",
    // The default grows to 2 s, without jitter: too long to be away after an outage has ended, and together
    // with all others.
    clusterRetryStrategy: () => 100 + 500 * Math.random(),
  } satisfies ClusterOptions;
  const client = new Cluster([...nodes], options);
  client.on("+node", (node) => {
    batchWrites(node);
    limitUnanswered(node, maxUnanswered);
    // Each node connects as soon as it is known. By default the first command connects; with the offline
    // queue off, those that arrive until then would fail. Later than now, since a command that a MOVED sends
    // to the node in this same turn opens the connection itself, and waits for it.
    setImmediate(() => {
      if (node.status === "wait") node.connect().catch(() => undefined);
    });
  });
  refreshSlots(client);
  return client;
}

function asItIs(name: string, found: (thrown: null, address: string) => void): void {
  found(null, name);
}

/**
 * Asks for the slots once a second, and at every look while a shard does not answer.
 *
 * Nothing else tells of a promotion when the old master is silent: a command that timed out refreshes
 * nothing. ioredis has slotsRefreshInterval for this, unset by default (its documentation says 5000); but
 * a client that disconnects while a refresh is under way then keeps its timer, and the process, for ever.
 * Every refresh is a new connection to a node drawn at random, so not more often than needed.
 */
function refreshSlots(client: Cluster): void {
  let refreshedAt = performance.now();
  const look = setInterval(() => {
    const now = performance.now();
    if (hasEveryMaster(client) && now - refreshedAt < slotsRefreshMs) return;
    refreshedAt = now;
    client.refreshSlotsCache();
  }, lookMs).unref();
  client.once("end", () => clearInterval(look));
}

/** Whether each shard's master is connected. One that is silent is not, from the socketTimeout on. */
function hasEveryMaster(client: Cluster): boolean {
  const nodes = client.nodes().filter(({ status }) => status === "ready");
  const connected = new Set(nodes.map(({ options }) => `${options.host}:${options.port}`));
  return client.slots.every((addresses) => connected.has(addresses[0] ?? ""));
}

/** Resolves once the cluster's slots are known and its masters answered or failed to; rejects when aborted. */
export function whenConnected(client: Cluster, signal: AbortSignal): Promise<void> {
  return untilAborted(async () => {
    if (client.status !== "ready") await new Promise((resolve) => client.once("ready", resolve));
    // A node that is silent may never answer where timeouts are switched off.
    await Promise.allSettled(client.nodes("master").map((node) => node.ping()));
  }, signal);
}
