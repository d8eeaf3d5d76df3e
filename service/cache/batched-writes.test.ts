import assert from "node:assert/strict";
import { test } from "node:test";
import { connectedClient } from "../testing/redis-clients.ts";
import { startRedisCluster } from "../testing/redis-cluster.ts";

test("commands that requests on different sockets send in one turn leave together", async (t) => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster);
  const [node] = client.nodes("master");
  assert(node !== undefined);
  await node.ping();
  // Node writes more than one chunk by _writev.
  const alone = t.mock.method(node.stream, "_write");

  const sent: Promise<unknown>[] = [];
  for (let i = 0; i < 100; i++) {
    // As the callbacks of sockets are: each is over, with all that it put off, before the next begins.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    sent.push(node.echo(`${i}`));
  }
  assert.deepEqual(
    await Promise.all(sent),
    Array.from({ length: 100 }, (_, i) => `${i}`),
  );
  assert.equal(alone.mock.callCount(), 0);
});

test("commands of turn after turn wait for the end of their own turn, and not of the last", async () => {
  await using cluster = await startRedisCluster();
  using client = await connectedClient(cluster);
  const [node] = client.nodes("master");
  assert(node !== undefined);
  await node.ping();
  const sent: Promise<unknown>[] = [];
  const waiting: number[] = [];
  for (let turn = 0; turn < 10; turn++) {
    // Before the command, so that the next one comes before what this one puts off.
    const next = new Promise((resolve) => setImmediate(resolve));
    sent.push(node.echo(`${turn}`));
    waiting.push(node.stream.writableLength);
    await next;
  }
  await Promise.all(sent);
  const [one = 0] = waiting;
  assert(Math.max(...waiting) <= 2 * one, waiting.join());
});
