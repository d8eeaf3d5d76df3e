import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { drainable } from "./drain.ts";

async function listening(context: TestContext, listener: RequestListener) {
  const server = createServer(listener);
  // Else it would be what ends connections that are kept.
  server.keepAliveTimeout = 0;
  const drain = drainable(server);
  server.listen(0, "127.0.0.1");
  context.after(() => server.closeAllConnections());
  await once(server, "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  const open = async (): Promise<Socket> => {
    const socket = connect(address.port, "127.0.0.1");
    await Promise.all([once(socket, "connect"), once(server, "connection")]);
    return socket;
  };
  return { server, drain, open };
}

const request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

test("a connection that was just made has time to say what it is for; one that says nothing does not hold the drain", async (context) => {
  let ms = 1000;
  context.mock.method(performance, "now", () => ms);
  const { drain, open } = await listening(context, (_req, res) =>
    res.setHeader("connection", "close").end("answered"),
  );
  const [late, silent] = [await open(), await open()];
  const drained = drain({ noticeMs: 0, withinMs: 60_000 });
  // Several looks at what is idle, while by the clock no time has passed.
  await delay(300);
  late.write(request);
  assert.match(await text(late), /answered$/);
  assert(!silent.closed);
  ms += 1000;
  assert.equal(await drained, true);
});

test("a connection that becomes idle while others are at work is closed then, and the drain ends with the last", async (context) => {
  const answers: (() => void)[] = [];
  const { drain, open } = await listening(context, (_req, res) => void answers.push(() => res.end("x")));
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const timersBefore = timers();
  const [first, second] = [await open(), await open()];
  for (const socket of [first, second]) socket.resume().write(request);
  while (answers.length < 2) await delay(5);
  const drained = drain({ noticeMs: 0, withinMs: 60_000 });
  const firstClosed = once(first, "close");
  answers[0]?.();
  await firstClosed;
  // Several looks at what is idle later.
  await delay(300);
  assert(!second.closed);
  answers[1]?.();
  assert.equal(await drained, true);
  assert(timers() <= timersBefore, "nothing of it goes on");
});

test("what does not end in time is cut off: after the drain no connection is left", async (context) => {
  const { server, drain, open } = await listening(context, () => undefined);
  const socket = await open();
  socket.resume().write(request);
  await once(server, "request");
  const closed = once(socket, "close");
  assert.equal(await drain({ noticeMs: 0, withinMs: 50 }), false);
  await closed;
});

test("as long as the notice lasts, new connections are taken", async (context) => {
  const { drain, open } = await listening(context, (_req, res) =>
    res.setHeader("connection", "close").end("answered"),
  );
  const drained = drain({ noticeMs: 2000, withinMs: 60_000 });
  const socket = await open();
  socket.write(request);
  assert.match(await text(socket), /answered$/);
  assert.equal(await drained, true);
});
