import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { z } from "zod";
import { startModelStub } from "../testing/model-stub.ts";
import { eventually, startRedisCluster } from "../testing/redis-cluster.ts";
import { ask, spawnService } from "../testing/service-process.ts";
import { requestFor } from "../testing/service-under-test.ts";
import { type ReceivedSpan, startCollector } from "../testing/trace-collector.ts";

/** As OTLP numbers it. */
const errorStatus = 2;
const idOf = (response: Response) => response.headers.get("x-request-id") ?? "";
const callsIn = (spans: readonly ReceivedSpan[]) =>
  spans.map(
    ({ name, attributes: said }) => `${name} ${said["breakwater.attempt"]} ${said["breakwater.outcome"]}`,
  );

test("a trace shows which tier, policy or error decided, and each call on the way", async () => {
  await using cluster = await startRedisCluster();
  await using model = await startModelStub();
  await using collector = await startCollector();
  await using service = spawnService({
    ...{ BW_MODEL_URL: model.url, BW_REDIS_NODES: cluster.addresses, BW_API_KEYS: "a:key-a" },
    ...{ ...collector.env, BW_CACHE_FRESH_MS: "2000" },
  });
  const url = await service.url();
  const decided = async (response: Response) => {
    await response.text();
    const span = await collector.requestSpan(idOf(response));
    return {
      span,
      by: span.attributes["breakwater.decided_by"],
      below: () => callsIn(collector.below(span)),
    };
  };
  const fields = { key: "key-a" };

  const miss = await decided(await ask(url, "secret question", fields));
  assert.equal(miss.by, "model");
  assert.equal(miss.span.name, "POST chat-completions");
  assert.equal(miss.span.attributes["breakwater.tenant"], "a");
  assert.equal(miss.span.attributes["breakwater.cache"], "miss");
  await eventually(() => miss.below().includes("model 1 ok"));
  assert(miss.below().includes("redis-read 1 ok"), miss.below().join());

  const hit = await decided(await ask(url, "secret question", fields));
  assert.match(String(hit.by), /^cache-(memory|redis)$/);
  assert(!hit.below().some((call) => call.startsWith("model")));

  const refused = await decided(await ask(url, "secret question", { ...fields, temperature: 9 }));
  assert.equal(refused.by, "invalid_request");
  const unknown = await decided(await ask(url, "secret question", { key: "wrong" }));
  assert.equal(unknown.by, "invalid_api_key");
  assert.equal(unknown.span.attributes["breakwater.tenant"], undefined);

  model.mode = "error";
  model.errorStatus = 503;
  const failed = await decided(await ask(url, "another", fields));
  await eventually(() => failed.below().filter((call) => call.startsWith("model")).length >= 2);
  assert(failed.below().includes("model 2 error"), failed.below().join());
  assert(JSON.stringify(collector.below(failed.span).concat(failed.span)).includes('"retry"'));

  for (let i = 0; i < 30; i++) await (await ask(url, `filling the breaker's window ${i}`, fields)).text();
  const shortCut = await decided(await ask(url, "with the breaker open", fields));
  await eventually(() => shortCut.below().includes("model 1 breaker-open"));

  await eventually(async () => (await ask(url, "secret question", fields)).headers.get("x-stale") !== null);
  const reply = await ask(url, "secret question", fields);
  assert.equal((await decided(reply)).by, `stale-${reply.headers.get("x-stale")}`);

  assert(!collector.received().includes("secret"), "no prompt is in a trace");
  assert(!collector.received().includes("key-a"));
});

test("the caller's trace is gone on with, and handed on to the model", async () => {
  await using model = await startModelStub();
  await using collector = await startCollector();
  await using service = spawnService({ BW_MODEL_URL: model.url, ...collector.env });
  const url = await service.url();
  const [traceId, parentId] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", traceparent: `00-${traceId}-${parentId}-01` },
    body: JSON.stringify(requestFor("x")),
  });
  await response.text();
  const span = await collector.requestSpan(idOf(response));
  assert.deepEqual([span.traceId, span.parentSpanId], [traceId, parentId]);
  await eventually(() => collector.below(span).some(({ name }) => name === "model"));
  const attempt = collector.below(span).find(({ name }) => name === "model");
  assert.equal(model.traceparents.at(-1), `00-${traceId}-${attempt?.spanId}-01`);

  // What is not a traceparent begins a trace of its own.
  const odd = await fetch(`${url}/v1/models`, { headers: { traceparent: "00-zz-1-1" } });
  assert.equal(odd.status, 200);
  assert.notEqual((await collector.requestSpan(idOf(odd))).traceId, traceId);
});

test("a span ends as its request did: a stream that broke is an error, a caller who left has left", async () => {
  await using model = await startModelStub();
  await using collector = await startCollector();
  await using service = spawnService({ BW_MODEL_URL: model.url, BW_TIMEOUT: "off", ...collector.env });
  const url = await service.url();
  const spanOf = async (id: string) => {
    const { attributes: told, status } = await collector.requestSpan(id);
    return [told["http.response.status_code"], told["breakwater.decided_by"], status.code === errorStatus];
  };
  model.mode = "break-stream";
  const broken = await ask(url, "broken", { stream: true });
  assert.equal(broken.status, 200);
  await broken.text();
  assert.deepEqual(await spanOf(idOf(broken)), [502, "model_failed", true]);

  model.mode = "silent";
  const leaving = new AbortController();
  const asked = model.requests.length;
  const left = fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "leaving" },
    body: JSON.stringify(requestFor("left")),
    signal: leaving.signal,
  });
  await eventually(() => model.requests.length > asked);
  leaving.abort();
  await assert.rejects(left);
  assert.deepEqual(await spanOf("leaving"), [499, "caller-left", false]);
  // A message may quote what it is about.
  assert(collector.spans.every(({ status }) => status.message === undefined));
});

test("a request under /v1 is in traces, access log and its tenant's metrics, however its target is written", async () => {
  await using model = await startModelStub();
  await using collector = await startCollector();
  const folder = await mkdtemp(join(tmpdir(), "service-test-targets-"));
  const accessLog = join(folder, "access.jsonl");
  try {
    await using service = spawnService({
      ...{ BW_MODEL_URL: model.url, BW_API_KEYS: "a:key-a", BW_ACCESS_LOG: accessLog, ...collector.env },
    });
    const url = new URL(await service.url());
    const post = (path: string) => postTo(url, path, { authorization: "Bearer key-a" }, requestFor("x"));
    const path = "/v1/chat/completions";
    const forms = [path, `http://x${path}`, "http://x/v1/nowhere", "/V1/chat/completions"];
    const replies = await Promise.all(forms.map(post));
    // Another case is another path, which there is not; nothing is done for it.
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200, 404, 404],
    );
    const told = replies.slice(0, 3).map(({ id }) => id);
    for (const id of told) await collector.requestSpan(id);
    const metrics = await (await fetch(new URL("/metrics", url))).text();
    const counted = (sample: string) => metrics.includes(`\ntenant_requests_total{${sample}\n`);
    assert(counted('tenant="a",status_class="2xx"} 2'), metrics);
    assert(counted('tenant="_unknown",status_class="4xx"} 1'), metrics);
    service.kill("SIGTERM");
    await service.exited;
    const lines = (await readFile(accessLog, "utf8")).trimEnd().split("\n");
    const logged = lines.map((line) => z.object({ id: z.string() }).parse(JSON.parse(line)).id);
    assert.deepEqual(logged.sort(), told.sort());
    assert.equal(collector.spans.filter(({ name }) => name.startsWith("POST ")).length, told.length);
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** Sends a request whose target is written as it is given, which fetch does not. */
async function postTo(url: URL, target: string, headers: OutgoingHttpHeaders, body: unknown) {
  const req = request({ port: url.port, host: url.hostname, method: "POST", path: target });
  for (const [name, value] of Object.entries(headers)) req.setHeader(name, value ?? "");
  req.setHeader("content-type", "application/json");
  req.end(JSON.stringify(body));
  const [res]: IncomingMessage[] = await once(req, "response");
  assert(res !== undefined);
  await text(res);
  return { status: res.statusCode, id: String(res.headers["x-request-id"]) };
}

test("off, nothing of it is loaded or sent, and a caller's traceparent goes nowhere", async () => {
  await using model = await startModelStub();
  await using service = spawnService({ BW_MODEL_URL: model.url, NODE_DEBUG: "module,esm" });
  const url = await service.url();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    },
    body: JSON.stringify(requestFor("x")),
  });
  assert.equal(response.status, 200);
  assert.equal(model.traceparents.at(-1), undefined);
  assert(!service.output().includes("sdk-trace"));
});

test("a collector that is gone or silent costs no request, and does not hold the stop", async () => {
  await using model = await startModelStub();
  const silent = createServer(() => undefined);
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  assert(typeof address === "object" && address !== null);
  for (const port of [address.port, 9]) {
    await using service = spawnService({
      ...{
        BW_MODEL_URL: model.url,
        BW_TRACING: "otlp",
        BW_TRACING_URL: `http://127.0.0.1:${port}/v1/traces`,
      },
    });
    const url = await service.url();
    for (let i = 0; i < 20; i++) assert.equal((await ask(url, `${port} ${i}`)).status, 200);
    service.kill("SIGTERM");
    assert.deepEqual(await service.exited, [0, null]);
    assert.equal(service.log.at(-1)?.["finished"], true);
  }
  silent.closeAllConnections();
  silent.close();
});
