import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, Redis } from "ioredis";
import { type Call, untilAborted } from "../resilience/policy.ts";
import { masterOf } from "./shards.ts";

/** Between two attempts, and the same again at random. */
const pauseMs = 100;

export interface ShardSubscriberDeps {
  /** Tells who has the channel, and how to connect. Also what to publish with: `client.spublish(channel, …)`. */
  readonly client: Cluster;
  readonly channel: string;
  /** How often the connection is asked for a sign of life: a subscriber gets nothing that it could miss. */
  readonly heartbeatMs: number;
  readonly onMessage: (message: string) => void;
  /** From now on messages come. Those published since the last `onLost` never will: catch up by other means. */
  readonly onSubscribed: () => void;
  /** From now on, or from up to a heartbeat and a command's timeout ago, messages are lost; told for each attempt. */
  readonly onLost: (reason: unknown) => void;
}

/**
 * Stays subscribed to one channel of sharded pub/sub, at whichever node is the master of the channel's slot.
 *
 * A connection of its own, with the timeouts of the client's. It is made again, at the master that the client
 * knows by then, when it closes, when the node does not answer a PING in time, and when the channel's slot has
 * another master. Publishing is an ordinary command of the client.
 *
 * Not `client.ssubscribe()`: ioredis 6 gives its subscriber connections no connectTimeout, commandTimeout or
 * socketTimeout, and nothing would notice a silent node; without `shardedSubscribers` it subscribes at a node
 * drawn at random, which refuses.
 *
 * The callbacks must not throw.
 *
 * @returns what ends it, at once; no callback is called after
 */
export function shardSubscriber(deps: ShardSubscriberDeps): () => void {
  const closed = new AbortController();
  void stay(deps, closed.signal);
  return () => closed.abort();
}

async function stay(
  { client, channel, heartbeatMs, onMessage, onSubscribed, onLost }: ShardSubscriberDeps,
  closed: AbortSignal,
) {
  while (!closed.aborted) {
    try {
      await subscription(closed);
    } catch (thrown) {
      if (closed.aborted) return;
      onLost(thrown);
      // Who is subscribed without need of the client's commands has nobody else to notice a change.
      if (client.status === "ready") client.refreshSlotsCache();
    }
    await delay(pauseMs * (1 + Math.random()), undefined, { signal: closed, ref: false }).catch(
      () => undefined,
    );
  }

  /** From connecting to the end, which is always a rejection. */
  async function subscription(signal: AbortSignal): Promise<never> {
    const master = masterOf(client, channel);
    if (master === undefined) throw new Error(`subscribing to "${channel}": no master is known for its slot`);
    const portAt = master.lastIndexOf(":");
    const connection = new Redis({
      ...client.options.redisOptions,
      host: master.slice(0, portAt),
      port: Number(master.slice(portAt + 1)),
      lazyConnect: true,
      retryStrategy: null,
      enableReadyCheck: false,
      replyMapping: "legacy",
    });
    const ended = new AbortController();
    connection.on("error", (thrown) => ended.abort(thrown));
    connection.once("end", () => ended.abort(new Error("Connection is closed.")));
    // The slot is no longer this node's: it took the subscription back.
    connection.once("moved", () => ended.abort(new Error(`"${channel}" has moved away from ${master}`)));
    const stop = () => ended.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    // Not Promise.race(): each race would leave a reaction at what ends only with the connection.
    const orEnded = <T>(call: Call<T>) => untilAborted(call, ended.signal);
    try {
      await orEnded(() => connection.connect());
      connection.on("smessage", (_channel, message) => {
        if (!signal.aborted) onMessage(message);
      });
      await orEnded(() => connection.ssubscribe(channel));
      if (signal.aborted) throw signal.reason;
      onSubscribed();
      for (;;) {
        await orEnded((end) => delay(heartbeatMs, undefined, { signal: end, ref: false }));
        await orEnded(() => connection.ping());
        const now = masterOf(client, channel);
        if (now !== master) throw new Error(`"${channel}" is now at ${now}, no longer at ${master}`);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      connection.disconnect();
    }
  }
}
