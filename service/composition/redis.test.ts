import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { whenConnected } from "../cache/redis-client.ts";
import { redisErrorClass } from "../cache/redis-errors.ts";
import { readConfig } from "../config/config.ts";
import { BreakerOpen } from "../resilience/breaker.ts";
import { createLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { rejection } from "../testing/redis-clients.ts";
import { eventually, startRedisCluster } from "../testing/redis-cluster.ts";
import { harmedKey } from "../testing/shard-faults.ts";
import { connect, guardsOfShards } from "./redis.ts";

test("a cluster that cannot be had is a problem that is told", async () => {
  const problems: string[] = [];
  const nowhere = { BW_MODEL_URL: "http://127.0.0.1:1", BW_REDIS_NODES: "127.0.0.1:1" };
  const client = connect(readConfig(nowhere), {
    ...{ log: createLog("silent"), metrics: createMetrics() },
    onProblem: (code) => void problems.push(code),
  });
  try {
    await eventually(() => problems.includes("redis-cluster"));
  } finally {
    client.disconnect();
  }
});

test("reads, writes and leases of a shard each have places of their own", () => {
  const places = { BW_REDIS_CONCURRENCY: "4", BW_REDIS_QUEUE: "2", BW_REDIS_WRITE_CONCURRENCY: "3" };
  const config = readConfig({ BW_MODEL_URL: "http://127.0.0.1:1", BW_TIMEOUT: "off", ...places });
  const telemetry = { log: createLog("silent"), metrics: createMetrics(), onProblem: () => undefined };
  const { read, write, lease } = guardsOfShards({ slots: [] }, config, telemetry)("key");
  const { signal } = new AbortController();
  for (const [policy, most] of [
    [write, 3],
    [lease, 3],
    [read, 4],
  ] as const) {
    let made = 0;
    const never = () => {
      made++;
      return new Promise<never>(() => undefined);
    };
    for (let i = 0; i < 20; i++) policy(never)(signal).catch(() => undefined);
    assert.equal(made, most);
  }
});

test("an error is counted by its kind, but not that of who has left: it may be no more than that", async () => {
  for (const env of [{}, { BW_TIMEOUT: "off" }]) {
    const config = readConfig({ BW_MODEL_URL: "http://127.0.0.1:1", ...env });
    const counted: string[] = [];
    const metrics = { ...createMetrics(), redisError: (kind: string) => void counted.push(kind) };
    const telemetry = { log: createLog("silent"), metrics, onProblem: () => undefined };
    const { read } = guardsOfShards({ slots: [] }, config, telemetry)("key");
    const closed = new Error("Connection is closed.");
    await rejection(read(() => Promise.reject(closed))(new AbortController().signal));
    assert.deepEqual(counted, ["closed"]);
    const caller = new AbortController();
    const reply = Promise.withResolvers<never>();
    const leaving = rejection(read(() => reply.promise)(caller.signal));
    caller.abort(new Error("left"));
    reply.reject(closed);
    await leaving;
    assert.deepEqual(counted, ["closed"]);
  }
});

test("a shard whose errors are about single commands is not taken for ill, however many they are", async () => {
  const config = readConfig({ BW_MODEL_URL: "http://127.0.0.1:1" });
  const telemetry = { log: createLog("silent"), metrics: createMetrics(), onProblem: () => undefined };
  const { read } = guardsOfShards({ slots: [] }, config, telemetry)("key");
  const { signal } = new AbortController();
  const failing = (message: string) => rejection(read(() => Promise.reject(new Error(message)))(signal));
  for (let i = 0; i < 100; i++) assert.match(String(await failing("WRONGTYPE not a string")), /WRONGTYPE/);
  for (let i = 0; i < 100; i++) await failing("Connection is closed.");
  assert((await failing("Connection is closed.")) instanceof BreakerOpen);
});

test("the client itself has the timeout of Redis, so that it drops what is silent; BW_TIMEOUT=off: none", async () => {
  await using cluster = await startRedisCluster();
  const connected = async (env: Record<string, string>) => {
    const config = readConfig({
      ...{ BW_MODEL_URL: "http://127.0.0.1:1", BW_REDIS_NODES: cluster.addresses },
      ...env,
    });
    const telemetry = { log: createLog("silent"), metrics: createMetrics(), onProblem: () => undefined };
    const client = connect(config, telemetry);
    await whenConnected(client, AbortSignal.timeout(20_000));
    return Object.assign(client, { [Symbol.dispose]: () => client.disconnect() });
  };
  using bounded = await connected({ BW_REDIS_TIMEOUT_MS: "100" });
  using unbounded = await connected({ BW_TIMEOUT: "off" });
  cluster.nodes[0]?.signal("SIGSTOP");
  const hung = rejection(unbounded.get(harmedKey));
  assert.equal(redisErrorClass(await rejection(bounded.get(harmedKey))), "timeout");
  assert.equal(await Promise.race([hung, delay(1500, "hung")]), "hung");
  unbounded.disconnect();
  await hung;
});
