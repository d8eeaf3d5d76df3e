import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, Redis } from "ioredis";
import { redisClient, whenConnected } from "../cache/redis-client.ts";
import type { Policy } from "../resilience/policy.ts";
import { eventually, startRedisCluster, type TestCluster } from "../testing/redis-cluster.ts";
import type { News } from "./marks.ts";
import { channel, readNews, redisMarks } from "./redis-marks.ts";

const asItIs: Policy = (call) => call;
const key = "{invalidations}:marks:1";

let cluster: TestCluster;
let client: Cluster;
before(async () => {
  cluster = await startRedisCluster();
  const nodes = cluster.addresses.split(",").map((address) => {
    const [host = "", port] = address.split(":");
    return { host, port: Number(port) };
  });
  client = redisClient({ nodes, attemptTimeoutMs: 5000, maxUnanswered: 1000 });
  await whenConnected(client, AbortSignal.timeout(20_000));
});
after(async () => {
  client.disconnect();
  await cluster[Symbol.asyncDispose]();
});

test("Redis keeps as many marks as it may, and the latest of those it dropped is the floor", async () => {
  await client.del(key);
  const marks = redisMarks(client, { maxMarks: 10, retentionMs: 3_600_000 }, asItIs);
  await marks.begin(0);
  const numbers: number[] = [];
  for (let i = 0; i < 13; i++) numbers.push((await marks.mark([`tag:a:${i}`], 0))?.seq ?? 0);
  const { floor, marks: left } = await marks.since(0);
  assert.deepEqual([floor, left.size, left.get("tag:a:3")], [numbers[2], 10, numbers[3]]);
});

test("every number is above what whoever asks knows of, and above the latest, though the node's clock is behind", async () => {
  const marks = redisMarks(client, { maxMarks: 1000, retentionMs: 3_600_000 }, asItIs);
  const ahead = (Date.now() + 3_600_000) * 1000;
  const top = async () => (await marks.since(0)).seq;
  await client.del(key);
  await marks.begin(ahead);
  assert.equal(await top(), ahead + 1);
  // Whoever comes second begins nothing.
  await marks.begin(ahead + 9);
  assert.equal(await top(), ahead + 1);
  assert.equal((await marks.mark(["tag:a:1"], 0))?.seq, ahead + 2);
  assert.equal((await marks.mark(["tag:a:2"], ahead + 9))?.seq, ahead + 10);
  await marks.restore({
    seq: ahead + 19,
    floor: 0,
    marks: new Map([
      ["tag:a:3", 1],
      ["tag:a:4", ahead + 3],
    ]),
  });
  const { marks: known } = await marks.since(0);
  assert.deepEqual([known.get("tag:a:3"), known.get("tag:a:4")], [undefined, ahead + 20]);
  // What is known there by a higher number already stays as it is.
  await marks.restore({ seq: ahead + 29, floor: 0, marks: new Map([["tag:a:4", ahead + 20]]) });
  assert.equal(await top(), ahead + 20);
  // A lower floor takes none back.
  await marks.restore({ seq: 0, floor: ahead, marks: new Map() });
  assert.deepEqual((await marks.since(0)).floor, ahead + 1);
});

test("where there is nothing at all, nothing is marked: whoever knows more has to put it back first", async () => {
  await client.del(key);
  const marks = redisMarks(client, { maxMarks: 1000, retentionMs: 3_600_000 }, asItIs);
  assert.equal(await marks.mark(["tag:a:1"], 0), undefined);
  assert.equal(await client.exists(key), 0);
});

test("each call is made within the guard", async () => {
  const refusing: Policy = () => async () => Promise.reject(new Error("not now"));
  const marks = redisMarks(client, { maxMarks: 10, retentionMs: 1 }, refusing);
  const calls = [marks.since(0), marks.begin(0), marks.mark(["tag:a:1"], 0)];
  for (const call of calls) await assert.rejects(call, /not now/);
});

test("marks that are older than any entry are dropped, and harm nothing", async () => {
  await client.del(key);
  const marks = redisMarks(client, { maxMarks: 1000, retentionMs: 20 }, asItIs);
  await marks.begin(0);
  let dropped = 0;
  for (let i = 0; i < 4; i++) dropped = (await marks.mark([`tag:a:${i}`], 0))?.seq ?? 0;
  await delay(40);
  await marks.mark(["tag:a:4"], 0);
  const { floor, marks: left } = await marks.since(0);
  assert.deepEqual([[...left.keys()], floor], [["tag:a:4"], dropped]);
});

test("what is marked is said on the channel; so is what was put back, as news before which nothing is known", async (t) => {
  await client.del(key);
  const heard: News[] = [];
  const [host = "", port] = cluster.nodeOf(channel).address.split(":");
  const subscriber = new Redis({ host, port: Number(port), replyMapping: "legacy" });
  t.after(() => subscriber.disconnect());
  subscriber.on("smessage", (_channel, message) => heard.push(readNews(message)));
  await subscriber.ssubscribe(channel);
  const marks = redisMarks(client, { maxMarks: 1000, retentionMs: 3_600_000 }, asItIs);
  await marks.begin(0);
  const began = await marks.since(0);
  const news = await marks.mark(["tag:a:1", "tag:a:2"], 0);
  await eventually(() => heard.length === 1);
  assert.deepEqual(heard[0], news);
  assert.deepEqual([news?.previous, news?.floor], [began.seq, began.floor]);
  const lost = new Map([["tag:a:3", (news?.seq ?? 0) + 5]]);
  await marks.restore({ seq: (news?.seq ?? 0) + 5, floor: 0, marks: lost });
  await eventually(() => heard.length === 2);
  const after = await marks.since(0);
  assert.deepEqual(heard[1], { seq: after.seq, previous: 0, floor: after.floor, scopes: [] });
  assert.equal(after.marks.get("tag:a:3"), after.seq);
});
