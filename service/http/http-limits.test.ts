import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type ModelStub, startModelStub } from "../testing/model-stub.ts";
import { head, post, RawCaller } from "../testing/raw-caller.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, startService } from "../testing/service-under-test.ts";

let model: ModelStub;
before(async () => {
  model = await startModelStub();
});
after(() => model[Symbol.asyncDispose]());

const start = (env: Record<string, string> = {}) =>
  startService({ BW_MODEL_URL: model.url, BW_DRAIN_MS: "0", ...env });

describe("what never becomes a request", () => {
  const refused: readonly [name: string, sent: string, status: number, code: string, reason?: string][] = [
    ["a huge header", head([`x-big: ${"x".repeat(20_000)}`]), 431, "headers_too_large", "headers-too-large"],
    ["a huge request line", head([], `GET /${"x".repeat(20_000)} HTTP/1.1`), 431, "headers_too_large"],
    ["many headers", head(Array.from({ length: 1000 }, (_, i) => `x-${i}: 1`)), 431, "headers_too_large"],
    ["one header too many", head(Array(100).fill("x: 1")), 431, "headers_too_large"],
    ["no HTTP", "hello there\r\n\r\n", 400, "malformed_http", "malformed"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed_http", "malformed"],
    ["two lengths", post(["content-length: 3", "content-length: 4"]), 400, "malformed_http", "malformed"],
    [
      "a length and chunks",
      `${post(["content-length: 3", "transfer-encoding: chunked"])}0\r\n\r\n`,
      400,
      "malformed_http",
      "malformed",
    ],
    ["a header folded over lines", head(["x-a: 1", " 2"]), 400, "malformed_http", "malformed"],
    ["a header with a NUL", head(["x-a: \0"]), 400, "malformed_http", "malformed"],
    ["no host", "GET /health/live HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "malformed_http"],
    ["another expectation", head(["expect: miracles"]), 417, "expectation_failed", "malformed"],
    [
      "chunks that are none",
      `${post(["transfer-encoding: chunked"])}zz\r\n`,
      400,
      "malformed_http",
      "malformed",
    ],
    [
      "huge chunk extensions",
      `${post(["transfer-encoding: chunked"])}1;${"x".repeat(20_000)}\r\nx\r\n0\r\n\r\n`,
      413,
      "body_too_large",
      "headers-too-large",
    ],
  ];

  for (const [name, sent, status, code, reason] of refused) {
    test(`${name}: ${status}, written as the API writes errors, and the connection ends`, async () => {
      await using service = await start();
      const caller = new RawCaller(service).send(sent);
      assert.deepEqual(await caller.replies(), [[status, code]]);
      assert.match(caller.received, /^connection: close\r$/im);
      if (reason !== undefined) {
        assert.equal(await service.metric(`http_refused_connections_total{reason="${reason}"}`), 1);
      }
      assert.equal((await service.ask(name)).status, 200);
    });
  }
});

describe("slow senders", () => {
  const slow = { BW_HEADERS_TIMEOUT_MS: "300", BW_REQUEST_TIMEOUT_MS: "600", BW_TIMEOUT: "off" };

  // Node looks for slow senders every 30 s by itself, whatever they are allowed.
  const wellBefore = { timeout: 20_000 };

  test(
    "headers that come byte by byte are answered 408, however many callers send them",
    wellBefore,
    async () => {
      // Their own time, and not the request's.
      await using service = await start({ ...slow, BW_REQUEST_TIMEOUT_MS: "60000" });
      const callers = Array.from({ length: 50 }, () => new RawCaller(service).send("GET / HTTP/1.1\r\nx: "));
      const dripping = setInterval(
        () => callers.map(({ socket }) => socket.writable && socket.write("x")),
        50,
      );
      for (const caller of callers) assert.deepEqual(await caller.replies(), [[408, "request_timeout"]]);
      clearInterval(dripping);
      assert.equal(await service.metric('http_refused_connections_total{reason="too-slow"}'), 50);
    },
  );

  test("a body that comes byte by byte is answered 408", async () => {
    await using service = await start(slow);
    const caller = new RawCaller(service).send(post(["content-length: 1000"]));
    const dripping = setInterval(() => caller.socket.writable && caller.send(" "), 50);
    const [reply] = await caller.replies();
    clearInterval(dripping);
    assert.deepEqual(reply, [408, "request_timeout"]);
  });

  test("who is answered before its body is here is told nothing more, whatever becomes of the body", async () => {
    await using service = await start({ ...slow, BW_API_KEYS: "a:key-of-a" });
    const caller = new RawCaller(service).send(`${post(["transfer-encoding: chunked"])}1\r\nx\r\n`);
    await eventually(() => caller.received.includes("\r\n\r\n{"));
    caller.send("no chunk\r\n");
    assert.deepEqual(await caller.replies(), [[401, "invalid_api_key"]]);
  });

  test("what is no HTTP behind a request that was answered is told so", async () => {
    await using service = await start();
    const caller = new RawCaller(service).send(head());
    await eventually(() => caller.received.includes("live"));
    caller.send("hello there\r\n\r\n");
    assert.deepEqual(await caller.replies(), [
      [200, ""],
      [400, "malformed_http"],
    ]);
  });

  test("what is no HTTP behind a stream ends the connection, and says nothing in the middle of the stream", async () => {
    await using service = await start();
    const stream = JSON.stringify({ ...requestFor("x"), stream: true });
    const held = Promise.withResolvers<void>();
    model.held = held.promise;
    const caller = new RawCaller(service).send(post([`content-length: ${stream.length}`]) + stream);
    await eventually(() => caller.received.includes("chat.completion.chunk"));
    // Sent without waiting: its turn has not come.
    const next = JSON.stringify(requestFor("next"));
    caller.send(post([`content-length: ${next.length}`]) + next);
    await eventually(async () => (await service.metric("http_requests_in_flight")) >= 3);
    caller.send("hello there\r\n\r\n");
    await caller.closed;
    held.resolve();
    assert.equal(caller.received.match(/HTTP\/1.1/g)?.length, 1);
  });

  test("the deadline comes first, where it is shorter, and counts the body's arrival", async () => {
    await using service = await start({ BW_DEADLINE_MS: "300", BW_MODEL_TIMEOUT_MS: "250" });
    const caller = new RawCaller(service).send(post(["content-length: 1000"]));
    await eventually(() => caller.received.includes("\r\n\r\n{"));
    assert.match(caller.received, /^HTTP\/1.1 504 /);
    // What comes after all is read, and nothing is done for it.
    const body = JSON.stringify(requestFor("late")).padEnd(1000);
    caller.send(body + head(["connection: close"]));
    await caller.closed;
    assert.match(caller.received, /HTTP\/1.1 200 /);
    const { text } = await service.get("/metrics");
    assert(!/^cache_rules_total\{.*\} [1-9]/m.test(text), text);
  });

  test("a connection that was never written to ends too", async () => {
    await using service = await start(slow);
    const caller = new RawCaller(service);
    assert.deepEqual(await caller.replies(), [[408, "request_timeout"]]);
  });
});
