import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { compose } from "../composition/service.ts";
import { readConfig } from "../config/config.ts";
import { createLog } from "../telemetry/log.ts";
import { startModelStub } from "../testing/model-stub.ts";
import { connectedClient, rejection } from "../testing/redis-clients.ts";
import { eventually, startRedisCluster, type TestCluster } from "../testing/redis-cluster.ts";
import { startService } from "../testing/service-under-test.ts";
import { shardSubscriber } from "./shard-subscriber.ts";

const password = "sesame";

async function withUser(): Promise<TestCluster> {
  const cluster = await startRedisCluster({ password });
  for (const { redis } of cluster.nodes) {
    await redis.call("ACL", "SETUSER", "cache", "on", ">simsim", "~*", "&*", "+@all");
  }
  return cluster;
}

test("the service caches in a cluster that asks for a password, as the default user and as another", async () => {
  await using cluster = await withUser();
  await using model = await startModelStub();
  for (const env of [
    { BW_REDIS_PASSWORD: password },
    { BW_REDIS_USERNAME: "cache", BW_REDIS_PASSWORD: "simsim" },
  ]) {
    await using service = await startService({
      ...{ BW_REDIS_NODES: cluster.addresses, BW_MODEL_URL: model.url },
      ...env,
    });
    await eventually(async () => (await service.ask("Question")).cache === "hit");
  }
});

test("with a wrong password it answers from the model, and no line of its log has the password", async () => {
  await using cluster = await withUser();
  await using model = await startModelStub();
  const lines: string[] = [];
  const service = compose(
    readConfig({
      ...{
        BW_REDIS_NODES: cluster.addresses,
        BW_MODEL_URL: model.url,
        BW_PORT: "0",
        BW_START_WAIT_MS: "500",
      },
      ...{ BW_REDIS_PASSWORD: "wrong-sesame", BW_LOG_LEVEL: "trace" },
    }),
    createLog("trace", { write: (line) => void lines.push(line) }),
  );
  await service.start();
  await eventually(() => lines.some((line) => line.includes("redis-node")));
  await service.stop();
  assert(lines.some((line) => line.includes("WRONGPASS")));
  assert.deepEqual(
    lines.filter((line) => line.includes("wrong-sesame")),
    [],
  );
});

test("commands and subscribers speak TLS; a certificate that nobody vouches for is refused", async () => {
  await using cluster = await startRedisCluster({ tls: true, password });
  const ca = await readFile(new URL("../testing/tls/cert.pem", import.meta.url));
  const credentials = { username: undefined, password };
  using client = await connectedClient(cluster, { tls: { ca }, credentials });
  for (let i = 0; i < 20; i++) assert.equal(await client.set(`${i}`, "value"), "OK");

  const messages: string[] = [];
  const close = shardSubscriber({
    client,
    channel: "channel",
    heartbeatMs: 500,
    onMessage: (message) => void messages.push(message),
    onSubscribed: () => undefined,
    onLost: () => undefined,
  });
  await eventually(async () => {
    await client.spublish("channel", "message");
    return messages.length > 0;
  });
  close();

  // A node's certificate is checked against the name that it is configured by, and not against what that resolves to.
  const names: string[] = [];
  const checkServerIdentity = (name: string) => void names.push(name);
  const nodes = cluster.addresses.split(",").map((address) => ({
    ...{ host: "localhost", port: Number(address.slice(address.lastIndexOf(":") + 1)) },
  }));
  using _named = await connectedClient(cluster, { nodes, tls: { ca, checkServerIdentity }, credentials });
  assert(names.includes("localhost"), names.join());

  const unconnected = connectedClient(cluster, { tls: {}, credentials }, 2000);
  assert.match(String(await rejection(unconnected)), /Timeout/);
});
