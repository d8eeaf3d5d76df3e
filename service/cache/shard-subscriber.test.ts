import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { Cluster, Redis } from "ioredis";
import { connectedClient } from "../testing/redis-clients.ts";
import { eventually, startRedisCluster, type TestCluster } from "../testing/redis-cluster.ts";
import { harmedKey, shardFaults } from "../testing/shard-faults.ts";
import { shardSubscriber } from "./shard-subscriber.ts";

const channel = `invalidation${harmedKey}`;

/** A subscriber, and a publisher apart from it, so that each must find its own way. */
async function subscribed(cluster: TestCluster, heartbeatMs = 500, client?: Cluster) {
  const own = client ?? (await connectedClient(cluster));
  const publisher = await connectedClient(cluster);
  const messages: string[] = [];
  let times = 0;
  const lost: unknown[] = [];
  const close = shardSubscriber({
    client: own,
    channel,
    heartbeatMs,
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

for (const fault of shardFaults) {
  test(`the node with the channel is ${fault.name}: messages flow again after the promotion, and the gap is told`, async () => {
    await using cluster = await startRedisCluster({ replicas: true, relayed: true });
    assert.equal(cluster.nodeOf(channel), cluster.nodes[0]);
    using subscriber = await subscribed(cluster);
    await eventually(() => subscriber.flows());
    await fault.cause(cluster);
    await fault.promotion(cluster);
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

test("the slot goes to another shard: it follows at once, also by a client that nothing else tells of it", async () => {
  await using cluster = await startRedisCluster();
  const nodes = cluster.nodes.map(({ address }) => {
    const [host = "", port] = address.split(":");
    return { host, port: Number(port) };
  });
  const client = new Cluster(nodes);
  await eventually(() => client.status === "ready");
  // No heartbeat is due: the old node's word is enough.
  using subscriber = await subscribed(cluster, 600_000, client);
  const [, other] = cluster.nodes;
  assert(other !== undefined);
  const slot = String(await other.redis.call("CLUSTER", "KEYSLOT", channel));
  const id = String(await other.redis.call("CLUSTER", "MYID"));
  for (const { redis } of [other, ...cluster.nodes]) await redis.call("CLUSTER", "SETSLOT", slot, "NODE", id);
  await eventually(() => subscriber.flows());
  assert(subscriber.lost.length > 0);
  const counted = await other.redis.call("PUBSUB", "SHARDNUMSUB", channel);
  assert(Array.isArray(counted) && counted[1] === 1);
});

test("the connection closes: the gap is told, and it subscribes again, with no heartbeat due", async () => {
  await using cluster = await startRedisCluster();
  using subscriber = await subscribed(cluster, 600_000);
  await cluster.nodeOf(channel).redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(() => subscriber.times() === 2);
  assert(subscriber.lost.length > 0);
  await eventually(() => subscriber.flows());
});

test("the client knows of another master, and the node it is at does not: it does not stay there", async () => {
  await using cluster = await startRedisCluster();
  using subscriber = await subscribed(cluster, 20);
  const [, other] = cluster.nodes;
  const slot = Number(await other?.redis.call("CLUSTER", "KEYSLOT", channel));
  await eventually(() => {
    // Until the client next asks, it believes this.
    subscriber.own.slots[slot] = [other?.address ?? ""];
    return subscriber.lost.some((reason) => String(reason).includes("is now at"));
  });
  await eventually(() => subscriber.flows());
});

test("the link falls silent and nobody is promoted: the gap is told while it lasts, and messages flow again after it", async () => {
  await using cluster = await startRedisCluster({ relayed: true });
  using subscriber = await subscribed(cluster);
  await eventually(() => subscriber.flows());
  cluster.relay?.silence();
  await eventually(() => subscriber.lost.length > 0);
  cluster.relay?.heal();
  await eventually(() => subscriber.flows());
  assert(subscriber.times() > 1);
});

test("no master is known: it is tried again after a pause, a drawn one, and ended in that without a word", async () => {
  const client = new Cluster([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true });
  const lost: unknown[] = [];
  const at: number[] = [];
  const close = shardSubscriber({
    ...{ client, channel, heartbeatMs: 500 },
    ...{ onMessage: assert.fail, onSubscribed: assert.fail },
    onLost(reason) {
      lost.push(reason);
      at.push(performance.now());
    },
  });
  await eventually(() => lost.length >= 15);
  assert.match(String(lost[0]), /no master is known/);
  close();
  const untilThen = lost.length;
  await delay(300);
  assert.equal(lost.length, untilThen);
  const pauses = at.slice(1).map((ms, i) => ms - (at[i] ?? 0));
  const [shortest, longest] = [Math.min(...pauses), Math.max(...pauses)];
  // Timers count in whole milliseconds.
  assert(shortest > 98 && longest - shortest > 30, pauses.join());
});

test("what Redis refuses is not taken for a subscription: who may not read the channel is told so", async () => {
  const password = "sesame";
  await using cluster = await startRedisCluster({ password });
  for (const { redis } of cluster.nodes) {
    await redis.call("ACL", "SETUSER", "deaf", "on", ">simsim", "~*", "+@all", "resetchannels");
  }
  using client = await connectedClient(cluster, { credentials: { username: "deaf", password: "simsim" } });
  const lost: unknown[] = [];
  let times = 0;
  const close = shardSubscriber({
    ...{ client, channel, heartbeatMs: 500, onMessage: assert.fail },
    onSubscribed: () => void times++,
    onLost: (reason) => void lost.push(reason),
  });
  await eventually(() => lost.length >= 2);
  close();
  assert.match(String(lost[0]), /NOPERM/);
  assert.equal(times, 0);
});

test("connections that ended leave nothing behind, however many there were", async () => {
  await using cluster = await startRedisCluster();
  using subscriber = await subscribed(cluster, 600_000);
  const connections = () => queryObjects(Redis, { format: "count" });
  const before = connections();
  for (let times = 2; times < 20; times++) {
    await cluster.nodeOf(channel).redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await eventually(() => subscriber.times() === times);
  }
  // An error keeps what was on its stack.
  subscriber.lost.length = 0;
  await eventually(() => connections() < before + 10);
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

test("a heartbeat leaves nothing behind: after hundreds there are no more promises and functions than before", async () => {
  await using cluster = await startRedisCluster();
  using _subscriber = await subscribed(cluster, 1);
  const { redis } = cluster.nodeOf(channel);
  const pings = async () =>
    Number(/^cmdstat_ping:calls=(\d+)/m.exec(await redis.info("commandstats"))?.[1] ?? 0);
  /** Of what listens or waits. Counting collects the garbage first. */
  async function aliveAfter(heartbeats: number) {
    const before = await pings();
    await eventually(async () => (await pings()) >= before + heartbeats);
    return queryObjects(Promise, { format: "count" }) + queryObjects(Function, { format: "count" });
  }
  const first = await aliveAfter(100);
  const last = await aliveAfter(500);
  assert(last < first + 250, `${first} before, ${last} after`);
});
