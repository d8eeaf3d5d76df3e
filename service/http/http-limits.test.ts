import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { z } from "zod";
import { type ModelStub, startModelStub } from "../testing/model-stub.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, type ServiceUnderTest, startService } from "../testing/service-under-test.ts";

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

const apiError = z.object({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string().min(1),
    code: z.string().min(1),
    param: z.string().nullable(),
  }),
});

/** A connection on which a test writes bytes as it likes. */
class RawCaller {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  received = "";

  constructor({ url }: ServiceUnderTest) {
    this.socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("data", (bytes) => (this.received += bytes.toString("latin1")));
    this.socket.on("end", () => this.socket.end());
    // A reset is one way to be refused.
    this.socket.on("error", () => undefined);
    this.closed = once(this.socket, "close");
  }

  send(text: string): this {
    this.socket.write(text);
    return this;
  }

  /** Waits for the other side to close. @returns statuses and codes of the errors of all answers */
  async replies(): Promise<[status: number, code: string][]> {
    await this.closed;
    return this.received
      .split(/(?=HTTP\/1\.1 \d{3})/)
      .filter((reply) => reply !== "")
      .map((reply) => {
        const body = reply.slice(reply.indexOf("\r\n\r\n") + 4);
        const { data } = apiError.safeParse(JSON.parse(body === "" ? "null" : body));
        return [Number(reply.slice(9, 12)), data?.error.code ?? ""];
      });
  }
}

const head = (more: readonly string[] = [], line = "GET /health/live HTTP/1.1") =>
  [line, "host: x", ...more, "", ""].join("\r\n");
const post = (more: readonly string[]) =>
  head(["content-type: application/json", ...more], "POST /v1/chat/completions HTTP/1.1");

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
      const replies = await new RawCaller(service).send(sent).replies();
      assert.deepEqual(replies, [[status, code]]);
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

describe("connections", () => {
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
    await eventually(
      async () => (await service.metric('http_refused_connections_total{reason="idle"}')) === 1,
    );
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
    // Two thousand that are kept are more: 10 KiB each with their requests.
    const grownBytes = heapBytes() - before;
    assert(grownBytes < 5_000_000, `${grownBytes} bytes`);
    assert.equal((await service.ask("after")).status, 200);
    const handles = await service.metric('nodejs_active_resources{type="TCPSocketWrap"}');
    assert(handles < 50, `${handles} sockets`);
  });
});
