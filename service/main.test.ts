import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startModelStub } from "./testing/model-stub.ts";
import { eventually, startRedisCluster } from "./testing/redis-cluster.ts";
import { ask, spawnService } from "./testing/service-process.ts";
import { requestFor } from "./testing/service-under-test.ts";

test("SIGTERM drains: readiness fails first, every request under way is answered, and it exits 0", async () => {
  await using cluster = await startRedisCluster();
  await using model = await startModelStub();
  model.delayMs = 600;
  await using service = spawnService({
    BW_MODEL_URL: model.url,
    BW_REDIS_NODES: cluster.addresses,
    BW_DRAIN_NOTICE_MS: "400",
  });
  const url = await service.url();
  assert.equal((await fetch(`${url}/health/ready`)).status, 200);
  const unused = connect(Number(new URL(url).port), "127.0.0.1");
  await once(unused, "connect");

  const underWay = Array.from({ length: 20 }, (_, i) => ask(url, `under way ${i}`));
  await eventually(() => model.requests.length === 20);
  service.kill("SIGTERM");
  await eventually(async () => (await fetch(`${url}/health/ready`)).status === 503);
  // Whoever is impatient tells it nothing new.
  service.kill("SIGINT");
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
  const late = ask(url, "sent while draining");

  const responses = await Promise.all([...underWay, late]);
  assert(responses.every(({ status }) => status === 200));
  assert.equal(responses.at(-1)?.headers.get("connection"), "close");
  assert.deepEqual(await service.exited, [0, null]);
  assert.equal(service.log.at(-1)?.finished, true);
  assert.equal(service.log.filter(({ msg }) => msg === "draining").length, 1);
});

test("a request that does not end in time does not hold the drain, nor does a silent Redis", async () => {
  await using cluster = await startRedisCluster();
  await using model = await startModelStub();
  await using service = spawnService({
    ...{ BW_MODEL_URL: model.url, BW_REDIS_NODES: cluster.addresses, BW_TIMEOUT: "off" },
    ...{ BW_DRAIN_NOTICE_MS: "0", BW_DRAIN_MS: "200" },
  });
  const url = await service.url();
  model.mode = "silent";
  const hung = assert.rejects(ask(url, "never answered"));
  await eventually(() => model.requests.length === 1);
  for (const node of cluster.nodes) node.signal("SIGSTOP");
  service.kill("SIGINT");
  await hung;
  assert.deepEqual(await service.exited, [0, null]);
  assert.equal(service.log.at(-1)?.finished, false);
});

test("SIGTERM while it still waits for Redis: it is never ready, and exits 0", async () => {
  await using service = spawnService({
    ...{ BW_MODEL_URL: "http://127.0.0.1:1", BW_REDIS_NODES: "127.0.0.1:1" },
    ...{ BW_START_WAIT_MS: "2000", BW_DRAIN_NOTICE_MS: "3000" },
  });
  await eventually(() => service.log.some(({ msg }) => msg === "listening"));
  service.kill("SIGTERM");
  assert.deepEqual(await service.exited, [0, null]);
  const told = service.log.map(({ msg }) => msg);
  assert.deepEqual(
    told.filter((msg) => msg !== "problem"),
    ["listening", "draining", "starting without Redis", "stopped"],
  );
});

test("the log has no prompt, no answer, and no line for a request that went well", async () => {
  await using model = await startModelStub();
  await using service = spawnService({ BW_MODEL_URL: model.url });
  const url = await service.url();
  const lines = service.log.length;
  for (let i = 0; i < 5; i++) assert.equal((await ask(url, "sesame")).status, 200);
  assert.equal(service.log.length, lines);
  // The stub's errors and what it answers in place of JSON have the word too.
  for (const mode of ["error", "unreadable"] as const) {
    model.mode = mode;
    for (let i = 0; i < 5; i++) assert((await ask(url, `sesame ${mode} ${i}`)).status >= 500);
    // Until the next problem is a line of its own.
    await delay(1100);
  }
  service.kill("SIGTERM");
  await service.exited;
  const problems = service.log.filter(({ msg }) => msg === "problem");
  assert(problems.length > 0 && problems.length < 20);
  assert(!JSON.stringify(service.log).includes("sesame"));
});

test("a request that failed is told in the log by its id; one that was refused, or whose caller left, is not", async () => {
  await using model = await startModelStub();
  await using service = spawnService({ BW_MODEL_URL: model.url, BW_TIMEOUT: "off" });
  const url = await service.url();
  const post = (id: string, body: unknown, signal: AbortSignal | null = null) =>
    fetch(`${url}/v1/chat/completions`, {
      ...{ method: "POST", body: JSON.stringify(body), signal },
      headers: { "content-type": "application/json", "x-request-id": id },
    });
  assert.equal((await post("refused", {})).status, 400);
  model.mode = "silent";
  const leaving = new AbortController();
  const left = post("left", requestFor("left"), leaving.signal);
  await eventually(() => model.requests.length === 1);
  leaving.abort();
  await assert.rejects(left);
  await eventually(() => model.abandoned === 1);
  model.mode = "error";
  assert.equal((await post("failed", requestFor("failed"))).status, 502);
  const failures = () => service.log.filter(({ requestId }) => requestId !== undefined);
  await eventually(() => failures().length > 0);
  service.kill("SIGTERM");
  await service.exited;
  assert.deepEqual(
    failures().map(({ code, requestId }) => [code, requestId]),
    [["model_failed", "failed"]],
  );
});

test("a wrong environment is told in full, and the process exits 1", async () => {
  await using service = spawnService({ BW_MODEL_URL: "nowhere", BW_BREAKER: "maybe" });
  assert.deepEqual(await service.exited, [1, null]);
  assert.match(service.output(), /BW_MODEL_URL=/);
  assert.match(service.output(), /BW_BREAKER=/);
});

test("an address that is taken is one error, and the process exits 1", async () => {
  await using model = await startModelStub();
  await using service = spawnService({ BW_MODEL_URL: model.url });
  const port = new URL(await service.url()).port;
  await using second = spawnService({ BW_MODEL_URL: model.url, BW_PORT: port });
  assert.deepEqual(await second.exited, [1, null]);
  assert.match(second.output(), /EADDRINUSE/);
});

test("with Redis and the model gone it is live, and ready: it answers what it can", async () => {
  await using model = await startModelStub();
  await using cluster = await startRedisCluster();
  await using service = spawnService({ BW_MODEL_URL: model.url, BW_REDIS_NODES: cluster.addresses });
  const url = await service.url();
  for (const node of cluster.nodes) node.signal("SIGKILL");
  await model[Symbol.asyncDispose]();
  assert.equal((await ask(url, "x")).status, 502);
  for (const path of ["live", "ready"])
    assert.equal((await fetch(`${url}/health/${path}`)).status, 200, path);
});

test("with Redis and the model gone from the start it becomes live and ready too", async () => {
  const gone = await startModelStub();
  await gone[Symbol.asyncDispose]();
  const { host } = new URL(gone.url);
  await using service = spawnService({
    ...{ BW_MODEL_URL: gone.url, BW_REDIS_NODES: host, BW_START_WAIT_MS: "200" },
  });
  const url = await service.url();
  for (const path of ["live", "ready"])
    assert.equal((await fetch(`${url}/health/${path}`)).status, 200, path);
});
