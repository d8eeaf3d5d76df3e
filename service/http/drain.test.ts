import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { eventually } from "../testing/redis-cluster.ts";
import { drainable } from "./drain.ts";

const head = (path: string) => `POST ${path} HTTP/1.1\r\nhost: x\r\n`;
const whole = (path: string) => `${head(path)}content-length: 0\r\n\r\n`;
/** Long enough that only what ends by itself ends in time. */
const limits = { noticeMs: 0, withinMs: 60_000 };

/** A server whose responses a test ends, and whose sweeps come when the test says so. */
async function drainedServer(t: TestContext) {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  t.mock.timers.enable({ apis: ["setInterval"] });
  const responses: ServerResponse[] = [];
  const server = createServer(
    { connectionsCheckingInterval: 60_000, keepAliveTimeout: 60_000 },
    (_req, res) => void responses.push(res),
  );
  const drain = drainable(server);
  let accepted: Socket | undefined;
  server.on("connection", (socket) => {
    accepted = socket;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.closeAllConnections());
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    drain,
    responses,
    /** The one that comes next. */
    async response(): Promise<ServerResponse> {
      await eventually(() => responses.length > 0, 1);
      const next = responses.shift();
      assert(next !== undefined);
      return next;
    },
    /** Resolves once so many bytes of the latest connection are here. */
    arrived: (bytes: number) => eventually(() => accepted?.bytesRead === bytes, 1),
    async caller() {
      const socket = connect(port, "127.0.0.1");
      let received = "";
      socket.setEncoding("utf8").on("data", (text: string) => {
        received += text;
      });
      const closed = once(socket, "close");
      await once(socket, "connect");
      t.after(() => socket.destroy());
      return {
        send: (text: string) => socket.write(text),
        received: () => received,
        closed,
        isClosed: () => socket.closed,
      };
    },
    /** Time passes once no more connections are accepted, and those there are looked at. */
    async pass(ms: number): Promise<void> {
      await eventually(() => !server.listening, 1);
      for (let passed = 0; passed < ms; passed += 50) {
        now += 50;
        t.mock.timers.tick(50);
        await turn();
      }
    },
  };
}

test("the answer to a request that is under way when the drain begins is the last on its connection", async (t) => {
  const { drain, caller, response } = await drainedServer(t);
  const { send, received, closed } = await caller();
  send(whole("/"));
  const res = await response();
  const drained = drain(limits);
  res.end("well");
  await closed;
  assert.match(received(), /^HTTP\/1.1 200 OK\r\nconnection: close\r\n/i);
  assert.equal(await drained, true);
});

test("a caller who was told that its connection is kept has time to send the next request on it", async (t) => {
  const { drain, caller, response, pass } = await drainedServer(t);
  const { send, received, closed } = await caller();
  send(whole("/stream"));
  const stream = await response();
  stream.write("begun");
  await eventually(() => received().includes("begun"), 1);
  const drained = drain(limits);
  await pass(1000);
  stream.end();
  await eventually(() => received().endsWith("0\r\n\r\n"), 1);
  await eventually(() => stream.closed, 1);
  await pass(200);
  send(whole("/next"));
  (await response()).setHeader("connection", "close").end("next");
  await closed;
  assert.match(received(), /next$/);
  assert.equal(await drained, true);
});

for (const [what, sent] of [
  ["never carried a byte", ""],
  ["has a part of a request's head", head("/")],
  ["has a part of a request's body", `${head("/")}content-length: 9\r\n\r\n{`],
  ["has been quiet since its last answer", `${whole("/")}`],
  ["has the first bytes of another request", `${whole("/")}${head("/")}`],
] as const) {
  test(`a connection that ${what} does not hold the drain`, async (t) => {
    const { drain, caller, response, pass, arrived } = await drainedServer(t);
    const { send, received, closed, isClosed } = await caller();
    send(sent);
    await arrived(sent.length);
    if (sent.includes("\r\n\r\n")) {
      const res = await response();
      const drained = drain(limits);
      // Its caller is told that the connection is kept.
      res.removeHeader("connection");
      res.end("answered");
      await eventually(() => received().includes("answered") && res.closed, 1);
      await pass(500);
      await closed;
      assert.equal(await drained, true);
    } else {
      const drained = drain(limits);
      await pass(200);
      assert.equal(isClosed(), false);
      await pass(300);
      await closed;
      assert.equal(await drained, true);
    }
  });
}

test("a request whose bytes still come is waited for", async (t) => {
  const { drain, caller, response, pass, arrived } = await drainedServer(t);
  const { send, received, closed, isClosed } = await caller();
  const drained = drain(limits);
  for (const [i, character] of [...head("/slow").slice(0, 9)].entries()) {
    send(character);
    await arrived(i + 1);
    await pass(200);
  }
  assert.equal(isClosed(), false);
  send(`${head("/slow").slice(9)}content-length: 0\r\n\r\n`);
  (await response()).setHeader("connection", "close").end("slow");
  await closed;
  assert.match(received(), /slow$/);
  assert.equal(await drained, true);
});

test("a request that does not end is cut off when its time is over", async (t) => {
  const { drain, caller, response, pass } = await drainedServer(t);
  const { send, closed, isClosed } = await caller();
  send(whole("/"));
  await response();
  const drained = drain({ noticeMs: 0, withinMs: 200 });
  await pass(5000);
  assert.equal(isClosed(), false);
  assert.equal(await drained, false);
  await closed;
});

test("a drain that is over leaves no timer behind", async () => {
  const server = createServer((_req, res) => void res.end());
  const drain = drainable(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  const before = timers();
  assert.equal(await drain(limits), true);
  assert.equal(timers(), before);
});

test("as long as the notice lasts, new connections are taken", async (t) => {
  const { drain, caller, response } = await drainedServer(t);
  const drained = drain({ ...limits, noticeMs: 2000 });
  const { send, received, closed } = await caller();
  send(whole("/"));
  (await response()).setHeader("connection", "close").end("answered");
  await closed;
  assert.match(received(), /answered$/);
  assert.equal(await drained, true);
});
