import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "ioredis";
import { startRedisCluster, type TestCluster } from "../testing/redis-cluster.ts";
import { redisLeases } from "./redis-lease.ts";

let redis: TestCluster;
let client: Cluster;
before(async () => {
  redis = await startRedisCluster();
  client = new Cluster(
    redis.addresses.split(",").map((address) => {
      const [host = "", port] = address.split(":");
      return { host, port: Number(port) };
    }),
  );
});
after(async () => {
  client.disconnect();
  await redis[Symbol.asyncDispose]();
});

const signal = new AbortController().signal;
const leases = () => redisLeases(client, () => ({ lease: (call) => call }));
const longMs = 60_000;

test("a lease is had by one, until its holder lets go", async () => {
  const { take, drop } = leases();
  assert.equal(await take("one", "mine", longMs, signal), true);
  assert.equal(await take("one", "yours", longMs, signal), false);
  await drop("one", "mine", signal);
  assert.equal(await take("one", "yours", longMs, signal), true);
});

test("only its holder lets go of it, and only its holder makes it last", async () => {
  const { take, drop, extend } = leases();
  await take("two", "mine", longMs, signal);
  await drop("two", "yours", signal);
  await extend("two", "yours", 100 * longMs, signal);
  assert.equal(await client.get("lease:{two}"), "mine");
  assert((await client.pttl("lease:{two}")) <= longMs);
  await extend("two", "mine", 100 * longMs, signal);
  assert((await client.pttl("lease:{two}")) > longMs);
});

test("one that has ended is not brought back by who had it", async () => {
  const { extend } = leases();
  await extend("three", "mine", longMs, signal);
  assert.equal(await client.exists("lease:{three}"), 0);
});

test("one whose holder has died ends by itself", async () => {
  await leases().take("four", "mine", longMs, signal);
  const leftMs = await client.pttl("lease:{four}");
  assert(leftMs > 0 && leftMs <= longMs, `${leftMs} ms`);
});

test("each command goes through the guard of the entry's shard, and what that rejects is not sent", async () => {
  const asked: string[] = [];
  const { take, extend, drop } = redisLeases(client, (key) => {
    asked.push(key);
    return { lease: () => () => Promise.reject(new Error("open")) };
  });
  await client.set("lease:{five}", "mine");
  await assert.rejects(take("six", "mine", longMs, signal), /open/);
  await assert.rejects(extend("five", "mine", longMs, signal), /open/);
  await assert.rejects(drop("five", "mine", signal), /open/);
  assert.deepEqual(asked, ["six", "five", "five"]);
  assert.deepEqual([await client.exists("lease:{six}"), await client.pttl("lease:{five}")], [0, -1]);
});
