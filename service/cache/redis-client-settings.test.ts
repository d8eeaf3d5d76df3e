import assert from "node:assert/strict";
import { once } from "node:events";
import { mock, test } from "node:test";
import { queryObjects } from "node:v8";
import { Cluster } from "ioredis";
import { connectedClient, rejection } from "../testing/redis-clients.ts";
import { eventually, startRedisCluster, type TestNode, takeOver } from "../testing/redis-cluster.ts";
import { startRelay } from "../testing/relay.ts";
import { harmedKey } from "../testing/shard-faults.ts";
import { redisClient } from "./redis-client.ts";
import { type RedisErrorClass, redisErrorClass } from "./redis-errors.ts";
import { masterOf } from "./shards.ts";

/** How many commands of a name a node has refused. */
async function refused({ redis }: TestNode, command: string): Promise<number> {
  const line = new RegExp(`^cmdstat_${command}:.*rejected_calls=(\\d+)`, "m");
  return Number(line.exec(await redis.info("commandstats"))?.[1] ?? 0);
}

test("a command that was in flight when its connection closed is not sent again", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster, { attemptTimeoutMs: undefined });
  const { redis } = cluster.nodeOf(harmedKey);
  let outcome: string | undefined;
  void client
    .blpop(harmedKey, 0)
    .then(String, redisErrorClass)
    .then((is) => {
      outcome = is;
    });
  await eventually(async () => (await redis.info("clients")).includes("blocked_clients:1"));
  await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  // Sent again, it would wait for what nobody is there to get.
  await eventually(() => outcome !== undefined);
  assert.equal(outcome, "closed");
});

test("a shard that is down is asked once, and what it says is told at once", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster, { attemptTimeoutMs: undefined });
  const node = cluster.nodeOf(harmedKey);
  await node.redis.call(
    "CLUSTER",
    "DELSLOTS",
    String(await node.redis.call("CLUSTER", "KEYSLOT", harmedKey)),
  );
  assert.equal(redisErrorClass(await rejection(client.get(harmedKey))), "clusterdown");
  assert.equal(await refused(node, "get"), 1);
});

test("nodes that send a client back and forth do so three times, and not sixteen", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster, { attemptTimeoutMs: undefined });
  const [one, other] = cluster.nodes;
  assert(one !== undefined && other !== undefined && cluster.nodeOf(harmedKey) === one);
  const slot = String(await one.redis.call("CLUSTER", "KEYSLOT", harmedKey));
  const idOf = async ({ redis }: TestNode) => String(await redis.call("CLUSTER", "MYID"));
  await one.redis.call("CLUSTER", "SETSLOT", slot, "NODE", await idOf(other));
  await rejection(client.get(harmedKey));
  assert.equal((await refused(one, "get")) + (await refused(other, "get")), 4);
});

test("while a slot moves, a command about several of its keys does not wait to be sent again", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster, { attemptTimeoutMs: undefined });
  const [from, to] = cluster.nodes;
  assert(from !== undefined && to !== undefined && cluster.nodeOf(harmedKey) === from);
  const slot = String(await from.redis.call("CLUSTER", "KEYSLOT", harmedKey));
  const idOf = async ({ redis }: TestNode) => String(await redis.call("CLUSTER", "MYID"));
  await client.set(harmedKey, "stays");
  await to.redis.call("CLUSTER", "SETSLOT", slot, "IMPORTING", await idOf(from));
  await from.redis.call("CLUSTER", "SETSLOT", slot, "MIGRATING", await idOf(to));
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    let failed: RedisErrorClass | undefined;
    client.exists(harmedKey, `${harmedKey}moved`).catch((thrown: unknown) => {
      failed = redisErrorClass(thrown);
    });
    // Not much of the 100 ms that it would wait, each time.
    for (let ms = 0; ms < 50 && failed === undefined; ms++) {
      // As long as a reply takes.
      for (const { redis } of cluster.nodes) await redis.ping();
      mock.timers.tick(1);
    }
    assert(failed === "tryagain" || failed === "redirected", failed);
  } finally {
    mock.timers.reset();
  }
});

test("a node that is silent from the start keeps no client from being ready for the others", async () => {
  await using cluster = await startRedisCluster();
  cluster.nodes[0]?.signal("SIGSTOP");
  const nodes = cluster.nodes.map(({ address }) => {
    const [host = "", port] = address.split(":");
    return { host, port: Number(port) };
  });
  // Many, since each asks nodes that it draws at random.
  const clients = Array.from({ length: 10 }, () =>
    redisClient({ nodes, attemptTimeoutMs: undefined, maxUnanswered: 100 }),
  );
  for (const client of clients) client.on("error", () => undefined);
  try {
    await eventually(() => clients.every(({ status }) => status === "ready"));
  } finally {
    for (const client of clients) client.disconnect();
  }
});

test("a host that does not answer a SYN is tried again and again, so that it is found once it is back", async () => {
  await using cluster = await startRedisCluster({ relayed: true });
  using client = await connectedClient(cluster);
  let unanswered = 0;
  client.on("node error", (thrown: Error) => {
    if (thrown.message === "connect ETIMEDOUT") unanswered++;
  });
  await cluster.relay?.blackhole();
  await rejection(client.get(harmedKey));
  await eventually(() => unanswered > 3);
  cluster.relay?.heal();
  await eventually(async () => (await client.get(harmedKey).catch(() => "failed")) === null);
});

test("however long nothing was to be had, it tries again within 600 ms, and not all clients at once", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const nowhere = [{ host: "127.0.0.1", port: 1 }];
  const client = redisClient({ nodes: nowhere, attemptTimeoutMs: undefined, maxUnanswered: 100 });
  client.on("error", () => undefined);
  const waits = new Set<number>();
  try {
    for (let attempt = 0; attempt < 300; attempt++) {
      await new Promise((resolve) => client.once("reconnecting", resolve));
      let waitedMs = 0;
      while (client.status === "reconnecting") {
        mock.timers.tick(20);
        waitedMs += 20;
      }
      assert(waitedMs <= 600, `${waitedMs} ms`);
      waits.add(waitedMs);
    }
  } finally {
    client.disconnect();
    mock.timers.reset();
  }
  assert(waits.size > 10, [...waits].join());
});

test("a client that has ended is no longer in memory", async () => {
  await using cluster = await startRedisCluster();
  const count = () => queryObjects(Cluster, { format: "count" });
  const before = count();
  for (let i = 0; i < 10; i++) {
    const client = await connectedClient(cluster);
    const ended = once(client, "end");
    client.disconnect();
    await ended;
  }
  await eventually(() => count() < before + 5);
});

test("a promoted replica has a connection already: of the first commands to it none fails", async () => {
  await using cluster = await startRedisCluster({ replicas: true });
  using client = await connectedClient(cluster, { attemptTimeoutMs: 10_000 });
  const [replica] = cluster.replicas;
  assert(replica !== undefined);
  await takeOver(replica);
  await eventually(() => masterOf(client, harmedKey) === replica.address);
  const burst = await Promise.allSettled(Array.from({ length: 50 }, () => client.get(harmedKey)));
  assert.deepEqual(
    burst.filter(({ status }) => status === "rejected"),
    [],
  );
});

test("a command that is sent on to a node that the client does not know yet waits for the connection", async () => {
  await using cluster = await startRedisCluster();
  const [owner, other] = cluster.nodes;
  assert(owner !== undefined && other !== undefined && cluster.nodeOf(harmedKey) === owner);
  await using relay = await startRelay(0, Number(owner.address.split(":")[1]));
  // It does not look by itself.
  mock.timers.enable({ apis: ["setInterval"] });
  using client = await connectedClient(cluster, { attemptTimeoutMs: undefined });
  mock.timers.reset();
  await owner.redis.config("SET", "cluster-announce-port", String(relay.port));
  await eventually(async () => String(await other.redis.call("CLUSTER", "SLOTS")).includes(`${relay.port}`));
  client.slots[Number(await other.redis.call("CLUSTER", "KEYSLOT", harmedKey))] = [other.address];
  assert.equal(await client.get(harmedKey), null);
  assert.equal(masterOf(client, harmedKey), `127.0.0.1:${relay.port}`);
});
