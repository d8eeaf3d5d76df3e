import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { AttemptTimeout } from "../resilience/timeout.ts";
import { bareConnection, connectedClient, rejection } from "../testing/redis-clients.ts";
import { eventually, startRedisCluster, type TestCluster } from "../testing/redis-cluster.ts";
import { isShardFailure, type RedisErrorClass, redisErrorClass } from "./redis-errors.ts";
import { TooManyUnanswered } from "./unanswered.ts";

/** Of the slots of node 0. */
const key = "{3}";

function means(thrown: unknown, name: RedisErrorClass, shard: "ill" | "well") {
  assert.deepEqual(
    [redisErrorClass(thrown), isShardFailure(thrown) ? "ill" : "well"],
    [name, shard],
    String(thrown),
  );
}

function node(cluster: TestCluster, i: number) {
  const found = cluster.nodes[i];
  assert(found !== undefined);
  return found;
}

test("errors about one command or its data: OOM, WRONGTYPE, CROSSSLOT, ERR, also out of scripts", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster);
  await client.lpush(key, "element");
  means(await rejection(client.get(key)), "wrongtype", "well");
  means(await rejection(client.eval("return redis.call('get', KEYS[1])", 1, key)), "wrongtype", "well");
  means(await rejection(client.call("MGET", "a", "b")), "command", "well");
  means(await rejection(client.call("GET", key, "b")), "command", "well");
  means(await rejection(client.evalsha("0".repeat(40), 1, key)), "command", "well");

  await node(cluster, 0).redis.config("SET", "maxmemory", "1");
  means(await rejection(client.set(key, "value")), "oom", "well");
  means(await rejection(client.eval("return redis.call('set', KEYS[1], 'v')", 1, key)), "oom", "well");
});

test("a slot that moves, or whose owner is in dispute: ASK, TRYAGAIN, MOVED", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster);
  const [from, to] = [node(cluster, 0), node(cluster, 1)];
  using atFrom = bareConnection(from);
  using atTo = bareConnection(to);
  means(await rejection(atTo.get(key)), "redirected", "ill");

  const slot = Number(await from.redis.call("CLUSTER", "KEYSLOT", key));
  const [fromId, toId] = [
    String(await from.redis.call("CLUSTER", "MYID")),
    String(await to.redis.call("CLUSTER", "MYID")),
  ];
  await client.set(key, "stays");
  await to.redis.call("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
  await from.redis.call("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
  means(await rejection(atFrom.get(`${key}moved`)), "redirected", "ill");
  assert.equal(await client.get(`${key}moved`), null);
  means(await rejection(atFrom.exists(key, `${key}moved`)), "tryagain", "well");
  // ioredis tries again at a node drawn at random, so its last error may be a MOVED as well.
  await eventually(
    async () => redisErrorClass(await rejection(client.exists(key, `${key}moved`))) === "tryagain",
  );

  // Each says that the other has it.
  await client.del(key);
  await from.redis.call("CLUSTER", "SETSLOT", slot, "NODE", toId);
  await to.redis.call("CLUSTER", "SETSLOT", slot, "NODE", fromId);
  const storm = await rejection(client.get(key));
  means(storm, "redirected", "ill");
  assert.match(String(storm), /Too many Cluster redirections/);
});

test("READONLY: a script that writes, at a replica", async () => {
  await using cluster = await startRedisCluster({ replicas: true });
  const [replica] = cluster.replicas;
  assert(replica !== undefined);
  using connection = bareConnection(replica);
  await connection.readonly();
  const script = connection.eval("return redis.call('set', KEYS[1], 'v')", 1, key);
  means(await rejection(script), "readonly", "ill");
});

test("timeout: a stopped master; closed: killed with a command in flight, and after", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster);
  const victim = node(cluster, 0);
  victim.signal("SIGSTOP");
  means(await rejection(client.get(key)), "timeout", "ill");
  const inFlight = rejection(client.get(key));
  await delay(20);
  victim.signal("SIGKILL");
  means(await inFlight, "closed", "ill");
  means(await rejection(client.get(key)), "closed", "ill");
  means(new AttemptTimeout("no answer"), "timeout", "ill");
  means(new TooManyUnanswered("not sent"), "too-many-unanswered", "ill");
});

test("CLUSTERDOWN: a master without a replica is gone, under full coverage also for the others, or a slot has no owner", async () => {
  await using cluster = await startRedisCluster({ fullCoverage: true });
  using client = await connectedClient(cluster);
  const other = Array.from({ length: 100 }, (_, i) => `${i}`).find(
    (candidate) => cluster.nodeOf(candidate) === cluster.nodes[1],
  );
  assert(other !== undefined);
  node(cluster, 0).signal("SIGKILL");
  await eventually(async () =>
    String(await node(cluster, 1).redis.call("CLUSTER", "INFO")).includes("cluster_state:fail"),
  );
  means(await rejection(client.get(other)), "clusterdown", "ill");

  await node(cluster, 1).redis.config("SET", "cluster-require-full-coverage", "no");
  await node(cluster, 1).redis.call("CLUSTER", "DELSLOTSRANGE", 5462, 10_922);
  using connection = bareConnection(node(cluster, 1));
  await eventually(async () =>
    String(await rejection(connection.get(other))).includes("Hash slot not served"),
  );
  means(await rejection(connection.get(other)), "clusterdown", "ill");
});

test("LOADING: a master that starts with much data", async () => {
  await using cluster = await startRedisCluster({ args: ["--enable-debug-command", "yes"] });
  const slow = node(cluster, 0);
  await slow.redis.call("DEBUG", "POPULATE", 100_000, key, 10);
  await slow.redis.call("SAVE");
  await slow.restart("--key-load-delay", "200", "--loading-process-events-interval-bytes", "1024");
  using connection = bareConnection(slow);
  means(await rejection(connection.dbsize()), "loading", "ill");
});

test("NOAUTH, WRONGPASS, NOPERM", async () => {
  await using cluster = await startRedisCluster({ password: "sesame" });
  using none = bareConnection(node(cluster, 0));
  means(await rejection(none.get(key)), "denied", "ill");
  using wrong = bareConnection(node(cluster, 0), { password: "simsim" });
  means(await rejection(wrong.get(key)), "denied", "ill");
  await node(cluster, 0).redis.call("ACL", "SETUSER", "reader", "on", ">sesame", "~*", "+get");
  using reader = bareConnection(node(cluster, 0), { username: "reader", password: "sesame" });
  assert.equal(await reader.get(key), null);
  means(await rejection(reader.set(key, "value")), "not-permitted", "well");
});

test("not connected: every node is gone; and what nobody knows counts as illness", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster);
  for (const { signal } of cluster.nodes) signal("SIGKILL");
  await eventually(() => client.status !== "ready");
  means(await rejection(client.get(key)), "not-connected", "ill");
  means(new Error("no such error"), "unknown", "ill");
  means(undefined, "unknown", "ill");
});
