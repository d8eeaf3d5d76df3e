import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type ModelStub, startModelStub } from "../testing/model-stub.ts";
import { head, post, RawCaller } from "../testing/raw-caller.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, startService } from "../testing/service-under-test.ts";

let model: ModelStub;
before(async () => {
  model = await startModelStub();
});
after(() => model[Symbol.asyncDispose]());

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const start = (env: Record<string, string> = {}) =>
  startService({ BW_MODEL_URL: model.url, BW_DRAIN_MS: "0", ...env });

test("one more than allowed is closed at once and counted; when one ends, the next is served", async () => {
  await using service = await start({ BW_MAX_CONNECTIONS: "3" });
  const held = Array.from({ length: 3 }, () => new RawCaller(service));
  await Promise.all(held.map(({ socket }) => once(socket, "connect")));
  for (const caller of held) caller.send(head());
  await eventually(() => held.every(({ received }) => received.includes("200 OK")));
  assert.deepEqual(await new RawCaller(service).send(head()).replies(), []);
  for (const { socket } of held) socket.destroy();
  await eventually(async () => (await service.ask("next").catch(() => undefined))?.status === 200);
  assert.equal((await service.metric('http_refused_connections_total{reason="connections"}')) >= 1, true);
});

test("the last request that a connection may carry is answered and closes it, also in a pipeline", async () => {
  await using service = await start({ BW_MAX_REQUESTS_PER_CONNECTION: "3" });
  const replies = await new RawCaller(service).send(head().repeat(5)).replies();
  assert.deepEqual(
    replies.map(([status]) => status),
    [200, 200, 200],
  );
});

test("callers are told how long a connection is kept between requests", async () => {
  await using service = await start({ BW_KEEP_ALIVE_MS: "7000" });
  const reply = await fetch(`${service.url}/health/live`);
  assert.equal(reply.headers.get("keep-alive"), "timeout=7");
});

test("HTTP/1.0 knows no Host, and is served without", async () => {
  await using service = await start();
  const replies = await new RawCaller(service).send("GET /health/live HTTP/1.0\r\n\r\n").replies();
  assert.deepEqual(
    replies.map(([status]) => status),
    [200],
  );
});

test("a pipeline is answered in order", async () => {
  await using service = await start();
  const caller = new RawCaller(service);
  caller.send(head([], "GET /nowhere HTTP/1.1") + head() + head(["connection: close"], "GET /x HTTP/1.1"));
  const replies = await caller.replies();
  assert.deepEqual(
    replies.map(([status]) => status),
    [404, 200, 404],
  );
});

test("a caller that closes its half has left: what was done for it ends, and so does the connection", async () => {
  await using service = await start({ BW_TIMEOUT: "off" });
  model.mode = "silent";
  const abandoned = model.abandoned;
  const body = JSON.stringify(requestFor("half"));
  const caller = new RawCaller(service).send(post([`content-length: ${body.length}`]) + body);
  const asked = model.requests.length;
  await eventually(() => model.requests.length === asked + 1);
  caller.socket.end();
  await caller.closed;
  await eventually(() => model.abandoned === abandoned + 1);
  model.mode = "ok";
});

test("a caller that closes its half in the middle of a request does not keep the connection", async () => {
  await using service = await start();
  const caller = new RawCaller(service).send(post(["content-length: 1000"]));
  caller.socket.end("{");
  await caller.closed;
});

test("a reader that reads nothing is cut off, and what waited for it is let go", async () => {
  await using service = await start({
    BW_SOCKET_IDLE_MS: "300",
    BW_TIMEOUT: "off",
    BW_MAX_BODY_BYTES: "1000",
  });
  model.mode = "flood";
  const body = JSON.stringify({ ...requestFor("flood"), stream: true });
  const caller = new RawCaller(service).send(post([`content-length: ${body.length}`]) + body);
  caller.socket.pause();
  await eventually(async () => (await service.metric('http_refused_connections_total{reason="idle"}')) === 1);
  await eventually(async () => (await service.metric("http_requests_in_flight")) === 1);
  model.mode = "ok";
  caller.socket.destroy();
});

test("a thousand that send half a request and go leave no connection, request or memory behind", async () => {
  await using service = await start();
  const storm = async () => {
    for (let round = 0; round < 10; round++) {
      const callers = Array.from({ length: 100 }, () =>
        new RawCaller(service).send(post(["content-length: 9"])),
      );
      await Promise.all(callers.map(({ socket }) => once(socket, "connect")));
      await delay(5);
      for (const { socket } of callers) socket.resetAndDestroy();
      await Promise.all(callers.map(({ closed }) => closed));
    }
    await eventually(async () => (await service.metric("http_requests_in_flight")) === 1);
  };
  await storm();
  const before = heapBytes();
  await storm();
  await storm();
  assert.equal(await service.metric('http_refused_connections_total{reason="malformed"}'), 0);
  // Two thousand that are kept are more: 10 KiB each with their requests.
  const grownBytes = heapBytes() - before;
  assert(grownBytes < 5_000_000, `${grownBytes} bytes`);
  assert.equal((await service.ask("after")).status, 200);
  const handles = await service.metric('nodejs_active_resources{type="TCPSocketWrap"}');
  assert(handles < 50, `${handles} sockets`);
});

test("a connection that is kept and not used ends, which is no refusal", async () => {
  await using service = await start({ BW_KEEP_ALIVE_MS: "100" });
  const caller = new RawCaller(service).send(head());
  await caller.closed;
  assert.match(caller.received, /^HTTP\/1.1 200 /);
  assert.equal(await service.metric('http_refused_connections_total{reason="idle"}'), 0);
});

test("what is no request behind one whose answer is on its way ends the connection, without an error in the answer", async () => {
  await using service = await start({ BW_TIMEOUT: "off" });
  const held = Promise.withResolvers<void>();
  model.held = held.promise;
  const body = JSON.stringify({ ...requestFor("streamed"), stream: true });
  const caller = new RawCaller(service).send(post([`content-length: ${body.length}`]) + body);
  await eventually(() => caller.received.includes("data: "));
  caller.send("no HTTP\r\n\r\n");
  await caller.closed;
  held.resolve();
  model.held = undefined;
  assert.equal(caller.received.match(/HTTP\/1.1/g)?.length, 1);
  assert.equal(await service.metric('http_refused_connections_total{reason="malformed"}'), 1);
});

test("headers are counted, also where more are allowed than Node reads by itself", async () => {
  await using service = await start({ BW_MAX_HEADERS: "3000", BW_MAX_HEADER_BYTES: "65536" });
  const lines = (count: number) => head(["connection: close", ...Array(count).fill("a: 1")]);
  const codes = async (count: number) => new RawCaller(service).send(lines(count)).replies();
  assert.deepEqual(await codes(2900), [[200, ""]]);
  assert.deepEqual(await codes(3100), [[431, "headers_too_large"]]);
});
