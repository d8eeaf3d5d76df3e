import { Cluster, type ClusterOptions } from "ioredis";

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** How often the client asks which node has which slots. */
const slotsRefreshMs = 1000;

/**
 * The Redis Cluster client: the one place that decides how it fails.
 *
 * By its defaults ioredis 6 waits for ever on a shard that has fallen silent, and queues without bound.
 * These settings make a command to an ill shard fail fast, and find the promoted replica 0.01 to 0.4 s after
 * the promotion.
 *
 * @param attemptTimeoutMs undefined removes every timeout that a command can run into
 */
export function redisClient(nodes: readonly NodeAddress[], attemptTimeoutMs: number | undefined): Cluster {
  const timeouts =
    attemptTimeoutMs === undefined
      ? { connectTimeout: 0 }
      : {
          // Also bounds CLUSTER SLOTS and the handshake. The command stays in the connection's queue.
          commandTimeout: attemptTimeoutMs,
          // A connection that owes replies and is silent for this long is dropped. Without it commands to a
          // silent node go on timing out long after its replica was promoted; TCP itself notices after
          // about 15 minutes. It covers the handshake too, which connectTimeout does not: that ends with
          // the TCP connection, and a proxy accepts at once.
          socketTimeout: Math.max(1000, 2 * attemptTimeoutMs),
          // For a SYN that nobody answers. The default is 10 s.
          connectTimeout: 500,
        };
  const options = {
    redisOptions: {
      ...timeouts,
      // How long a disconnect() waits for the other side's FIN: else 2 s a silent node at shutdown.
      disconnectTimeout: 200,
    },
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
    // One MOVED and one ASK. The default of 16 hops costs 1.4 s on a dead shard.
    maxRedirections: 3,
    // A node at a time: a silent node delays the refresh by this much. It bounds no command.
    slotsRefreshTimeout: 1000,
    // The default grows to 2 s, without jitter: too long to be away after an outage has ended.
    clusterRetryStrategy: (times: number) => Math.min(100 + 50 * times, 500) + Math.random() * 100,
  } satisfies ClusterOptions;
  const client = new Cluster([...nodes], options);
  // Nothing else tells of a promotion when the old master is silent: a command that timed out refreshes
  // nothing. ioredis has slotsRefreshInterval for this, unset by default (its documentation says 5000); but
  // a client that disconnects while a refresh is under way then keeps its timer, and the process, for ever.
  const refresh = setInterval(() => {
    if (client.status === "ready") client.refreshSlotsCache();
  }, slotsRefreshMs).unref();
  client.once("end", () => clearInterval(refresh));
  // Each node connects as soon as it is known. By default the first command connects; with the offline
  // queue off, those that arrive until then would fail. Later than now, since a command that a MOVED sends
  // to the node in this same turn opens the connection itself, and waits for it.
  client.on("+node", (node) => {
    setImmediate(() => {
      if (node.status === "wait") node.connect().catch(() => undefined);
    });
  });
  return client;
}

/** Resolves once the cluster's slots are known and its masters answered or failed to; rejects when aborted. */
export async function whenConnected(client: Cluster, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const giveUp = () => reject(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp, { once: true });
  if (client.status === "ready") resolve();
  client.once("ready", resolve);
  try {
    await Promise.race([ready, aborted]);
    // A node that is silent may never answer where timeouts are switched off.
    const answers = Promise.allSettled(client.nodes("master").map((node) => node.ping()));
    await Promise.race([answers, aborted]);
  } finally {
    client.off("ready", resolve);
    signal.removeEventListener("abort", giveUp);
  }
}
