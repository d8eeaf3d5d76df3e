import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Cluster } from "ioredis";
import { connectedClient, rejection } from "../testing/redis-clients.ts";
import { eventually, startRedisCluster, type TestCluster, takeOver } from "../testing/redis-cluster.ts";
import { harmedKey, shardFaults } from "../testing/shard-faults.ts";
import { type RedisErrorClass, redisErrorClass } from "./redis-errors.ts";
import { masterOf } from "./shards.ts";

const attemptTimeoutMs = 200;
/** By when a command must have ended, on a machine that is busy with other things. */
const patienceMs = 5 * attemptTimeoutMs;

interface Sent {
  readonly at: number;
  tookMs: number | undefined;
  /** Not the error itself: its stack keeps the command, and that its value. */
  failed: RedisErrorClass | undefined;
}

/** Sends commands at a steady rate, whatever becomes of those before. */
function steadily(perSecond: number, send: (i: number) => Promise<unknown>) {
  const sent: Sent[] = [];
  const began = performance.now();
  const timer = setInterval(() => {
    // As many as are due: a timer of this kind falls behind.
    while (sent.length < ((performance.now() - began) / 1000) * perSecond) {
      const one: Sent = { at: performance.now(), tookMs: undefined, failed: undefined };
      const i = sent.push(one) - 1;
      send(i)
        .catch((thrown: unknown) => {
          one.failed = redisErrorClass(thrown);
        })
        .finally(() => {
          one.tookMs = performance.now() - one.at;
        });
    }
  }, 5);
  return {
    sent,
    succeeded: () => sent.filter(({ tookMs, failed }) => tookMs !== undefined && failed === undefined),
    stop: () => clearInterval(timer),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function medianMs(sent: readonly Sent[]): number {
  const sorted = sent.map(({ tookMs = Number.POSITIVE_INFINITY }) => tookMs).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function healthyKey(cluster: TestCluster): string {
  const key = Array.from({ length: 100 }, (_, i) => `${i}`).find(
    (candidate) => cluster.nodeOf(candidate) === cluster.nodes[1],
  );
  assert(key !== undefined);
  return key;
}

for (const fault of shardFaults) {
  test(`a master is ${fault.name}: commands end no later than their timeout, and succeed again after the promotion`, async () => {
    await using cluster = await startRedisCluster({ replicas: true, relayed: true });
    using client = await connectedClient(cluster, { attemptTimeoutMs });
    const other = healthyKey(cluster);
    assert.equal(cluster.nodeOf(harmedKey), cluster.nodes[0]);
    using harmed = steadily(100, () => client.get(harmedKey));
    using healthy = steadily(20, () => client.get(other));
    await eventually(() => harmed.succeeded().length > 10);
    await fault.cause(cluster);
    const causedAt = performance.now();
    await eventually(() => harmed.sent.some(({ failed }) => failed !== undefined));
    await fault.promotion(cluster);
    const promotedAt = performance.now();
    await eventually(() => harmed.succeeded().some(({ at }) => at > promotedAt));
    // For good, not by chance.
    await eventually(() => harmed.sent.slice(-50).every(({ failed }) => failed === undefined));
    harmed.stop();
    healthy.stop();
    await eventually(() => [...harmed.sent, ...healthy.sent].every(({ tookMs }) => tookMs !== undefined));
    // The timeout of commands is not the only one: the connection is dropped later, and they with it.
    const early = harmed.sent.filter(({ at }) => at > causedAt && at < causedAt + 2 * attemptTimeoutMs);
    assert(early.length > 0 && medianMs(early) < 2 * attemptTimeoutMs, `${medianMs(early)} ms`);
    const slowest = Math.max(...harmed.sent.map(({ tookMs = Number.POSITIVE_INFINITY }) => tookMs));
    assert(slowest < patienceMs, `${slowest} ms`);
    assert.deepEqual(
      healthy.sent.filter(({ at, failed }) => at > causedAt && failed !== undefined),
      [],
    );
  });
}

test("a promotion is learnt of without a single command, by its slots", async () => {
  await using cluster = await startRedisCluster({ replicas: true });
  using client = await connectedClient(cluster, { attemptTimeoutMs });
  const [replica] = cluster.replicas;
  assert(replica !== undefined);
  await takeOver(replica);
  await eventually(() => masterOf(client, harmedKey) === replica.address);
});

test("it asks for the slots more often while a shard is silent, whether or not commands go there", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster, { attemptTimeoutMs });
  let refreshes = 0;
  client.on("refresh", () => refreshes++);
  await delay(4000);
  const whenWell = refreshes;
  cluster.nodes[0]?.signal("SIGSTOP");
  await rejection(client.get(harmedKey));
  await delay(4000);
  const whenSilent = refreshes - whenWell;
  assert(whenWell > 0 && whenSilent > 2 * whenWell, `${whenWell}, then ${whenSilent}`);
});

test("commands that wait never exceed the bound, those included that their callers gave up on", async () => {
  const maxUnanswered = 100;
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster, { attemptTimeoutMs, maxUnanswered });
  const other = healthyKey(cluster);
  let mostWaiting = 0;
  const sample = () => {
    const waiting = client.nodes().map((node) => node.commandQueue.length + node["offlineQueue"].length);
    mostWaiting = Math.max(mostWaiting, ...waiting);
  };
  cluster.nodes[0]?.signal("SIGSTOP");
  using harmed = steadily(1000, (i) => {
    const reply = client.get(`${harmedKey}${i}`);
    sample();
    return reply;
  });
  using healthy = steadily(50, () => client.get(other));
  await delay(3000);
  harmed.stop();
  healthy.stop();
  await eventually(() => [...harmed.sent, ...healthy.sent].every(({ tookMs }) => tookMs !== undefined));
  const rejected = harmed.sent.filter(({ failed }) => failed === "too-many-unanswered");
  assert(rejected.length > maxUnanswered, `${rejected.length}`);
  // It was reached, so it is the limit that bounds, and not the rate.
  assert.equal(mostWaiting, maxUnanswered);
  assert.deepEqual(
    healthy.sent.filter(({ failed }) => failed !== undefined),
    [],
  );
  cluster.nodes[0]?.signal("SIGCONT");
  await eventually(async () => (await client.get(harmedKey).catch(() => "failed")) === null);
});

test("the bound is not for the handshake: with a bound of one it connects, and answers one by one", async () => {
  await using cluster = await startRedisCluster({ password: "sesame" });
  const credentials = { username: undefined, password: "sesame" };
  using client = await connectedClient(cluster, { maxUnanswered: 1, credentials });
  for (let i = 0; i < 3; i++) assert.equal(await client.get(`${i}`), null);
});

/** What is still referenced, in bytes. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  assert(typeof collect === "function");
  collect();
  return process.memoryUsage().heapUsed;
}

const markers = (client: Cluster, prefix: string, bytes: number) =>
  steadily(200, (i) => client.set(`${prefix}${i}`, `${i}`.padEnd(bytes, "."), "PX", 600_000));
const outageMs = 8000;
/** Well below the 16 MB of the values that an outage's commands carry. */
const heapTolerance = 6_000_000;

test("after an outage of every node nothing is released late, and memory is as before", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster, { attemptTimeoutMs });
  for (let warm = 0; warm < 100; warm++) await client.get(`${warm}`);
  const heapBefore = heapUsed();
  for (const { signal } of cluster.nodes) signal("SIGKILL");
  await rejection(client.get(harmedKey));
  using load = markers(client, "", 10_000);
  await delay(outageMs);
  const heapDuring = heapUsed();
  const backAt = performance.now();
  await Promise.all(cluster.nodes.map(({ restart }) => restart()));
  await eventually(() => load.succeeded().length > 100);
  load.stop();
  await eventually(() => load.sent.every(({ tookMs }) => tookMs !== undefined));
  await delay(patienceMs);

  const stored = (await Promise.all(cluster.nodes.map(({ redis }) => redis.keys("*")))).flat().map(Number);
  assert.equal(stored.length, load.succeeded().length);
  for (const i of stored) {
    const { at = 0, tookMs = Number.POSITIVE_INFINITY } = load.sent[i] ?? {};
    assert(at > backAt - patienceMs && tookMs < patienceMs, `${i}: sent ${backAt - at} ms before the end`);
  }
  for (const heap of [heapDuring, heapUsed()]) {
    assert(heap - heapBefore < heapTolerance, `${heap - heapBefore} bytes`);
  }
});

// Small ones all fit into the socket's buffers. Large ones would show in memory if they were kept.
for (const bytes of [100, 10_000]) {
  test(`a node that was stopped carries out only what was on its socket before the client dropped that, of values of ${bytes} bytes`, async () => {
    await using cluster = await startRedisCluster();
    const [victim] = cluster.nodes;
    assert(victim !== undefined);
    using client = await connectedClient(cluster, { attemptTimeoutMs });
    const heapBefore = heapUsed();
    victim.signal("SIGSTOP");
    const stoppedAt = performance.now();
    using load = markers(client, harmedKey, bytes);
    await delay(outageMs);
    const backAt = performance.now();
    victim.signal("SIGCONT");
    await eventually(() => load.succeeded().length > 100);
    load.stop();
    await eventually(() => load.sent.every(({ tookMs }) => tookMs !== undefined));
    await delay(patienceMs);

    const socketTimeoutMs = 1000;
    const late = (await victim.redis.keys("*"))
      .map((key) => load.sent[Number(key.slice(harmedKey.length))]?.at ?? 0)
      .filter((at) => at < backAt - patienceMs);
    for (const at of late) assert(at < stoppedAt + socketTimeoutMs + patienceMs, `${at - stoppedAt} ms`);
    const heapGrowth = heapUsed() - heapBefore;
    assert(heapGrowth < heapTolerance, `${heapGrowth} bytes`);
  });
}

test("quit() waits for a silent node, by its nature; disconnect() does not", async () => {
  await using cluster = await startRedisCluster();
  using quitting = await connectedClient(cluster, { attemptTimeoutMs: undefined });
  using client = await connectedClient(cluster, { attemptTimeoutMs: undefined });
  cluster.nodes[0]?.signal("SIGSTOP");
  const quit = quitting.quit().catch(() => "failed");
  assert.equal(await Promise.race([quit, delay(1500, "hung")]), "hung");
  const ended = once(client, "end");
  client.disconnect();
  await ended;
});

test("a script fails and recovers as other commands do", async () => {
  await using cluster = await startRedisCluster({ replicas: true });
  using client = await connectedClient(cluster, { attemptTimeoutMs });
  const run = () => client.eval("return redis.call('incr', KEYS[1])", 1, harmedKey);
  assert.equal(await run(), 1);
  cluster.nodes[0]?.signal("SIGSTOP");
  assert.equal(redisErrorClass(await rejection(run())), "timeout");
  // Not sent twice: the count is right wherever it is asked for.
  await eventually(async () => (await run().catch(() => 0)) === 2);
});
