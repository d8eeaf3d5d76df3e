import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  eventually,
  promoted,
  startRedisCluster,
  type TestCluster,
  takeOver,
} from "../testing/redis-cluster.ts";
import { redisClient, whenConnected } from "./redis-client.ts";
import { shardSubscriber } from "./shard-subscriber.ts";

const attemptTimeoutMs = 200;
/** Of the slots of node 0, which is the one with the relay. */
const channel = "invalidation{3}";

function clientOf(cluster: TestCluster) {
  const nodes = cluster.nodes.map(({ address }) => ({ host: "127.0.0.1", port: Number(address.slice(10)) }));
  const client = redisClient({ nodes, attemptTimeoutMs, maxUnanswered: 1000 });
  client.on("error", () => undefined);
  return client;
}

/** A subscriber, and a publisher apart from it, so that each must find its own way. */
async function subscribed(cluster: TestCluster) {
  const own = clientOf(cluster);
  const publisher = clientOf(cluster);
  const messages: string[] = [];
  let times = 0;
  const lost: unknown[] = [];
  await Promise.all([own, publisher].map((client) => whenConnected(client, AbortSignal.timeout(10_000))));
  const close = shardSubscriber({
    client: own,
    channel,
    onMessage: (message) => void messages.push(message),
    onSubscribed: () => void times++,
    onLost: (reason) => void lost.push(reason),
  });
  await eventually(() => times === 1);
  return {
    own,
    messages,
    lost,
    times: () => times,
    close,
    /** Whether a message that is published from now on comes. */
    async flows() {
      const marker = `${Math.random()}`;
      await publisher.spublish(channel, marker).catch(() => undefined);
      await delay(50);
      return messages.includes(marker);
    },
    [Symbol.dispose]() {
      close();
      own.disconnect();
      publisher.disconnect();
    },
  };
}

const faults: Record<string, (cluster: TestCluster) => void | Promise<void>> = {
  killed: ({ nodes }) => nodes[0]?.signal("SIGKILL"),
  stopped: ({ nodes }) => nodes[0]?.signal("SIGSTOP"),
  "behind a silent link": ({ relay }) => relay?.silence(),
  "without an answer to a SYN": async ({ relay }) => relay?.blackhole(),
};
for (const [fault, cause] of Object.entries(faults)) {
  test(`the node with the channel is ${fault}: messages flow again after the promotion, and the gap is told`, async () => {
    await using cluster = await startRedisCluster({ replicas: true, relayed: true });
    const [node] = cluster.nodes;
    const [replica] = cluster.replicas;
    assert(replica !== undefined && cluster.nodeOf(channel) === node);
    using subscriber = await subscribed(cluster);
    await eventually(() => subscriber.flows());
    await cause(cluster);
    if (fault === "killed" || fault === "stopped") await promoted(replica);
    else await takeOver(replica);
    await eventually(() => subscriber.flows());
    assert(subscriber.lost.length > 0);
    assert(subscriber.times() > 1);
  });
}

test("the channel's slot has another master, and the old one is well: it moves there", async () => {
  await using cluster = await startRedisCluster({ replicas: true });
  using subscriber = await subscribed(cluster);
  await cluster.replicas[0]?.redis.call("CLUSTER", "FAILOVER");
  await eventually(() => subscriber.lost.length > 0 && subscriber.times() > 1);
  await eventually(() => subscriber.flows());
});

test("nothing is called after it was ended, and no connection stays", async () => {
  await using cluster = await startRedisCluster();
  using subscriber = await subscribed(cluster);
  await eventually(() => subscriber.flows());
  subscriber.close();
  const before = subscriber.messages.length;
  assert.equal(await subscriber.flows(), false);
  assert.equal(subscriber.messages.length, before);
  assert.deepEqual([subscriber.lost.length, subscriber.times()], [0, 1]);
  await eventually(async () => {
    const counted = await cluster.nodeOf(channel).redis.call("PUBSUB", "SHARDNUMSUB", channel);
    return Array.isArray(counted) && counted[1] === 0;
  });
});
