import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { lifetimes } from "./lifetimes.ts";

/** A pair of connections as the router joins them, and how the client's far end is told of its end. */
async function joined(
  cleanup: AsyncDisposableStack,
): Promise<{ client: Socket; upstream: Socket; far: Socket }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const open = async () => {
    const far = connect(port, "127.0.0.1").on("error", () => {});
    const [near]: Socket[] = await once(server, "connection");
    assert.ok(near);
    near.on("error", () => {});
    cleanup.defer(() => void near.destroy());
    cleanup.defer(() => void far.destroy());
    return { near, far };
  };
  const [client, upstream] = [await open(), await open()];
  cleanup.defer(() => void server.close());
  return { client: client.near, upstream: upstream.near, far: client.far };
}

const ended = (socket: Socket, withinMs: number) =>
  Promise.race([once(socket, "close").then(() => true), delay(withinMs, false)]);

test("connections of a link end at their age by a reset on both sides, and those of others stay", async () => {
  await using cleanup = new AsyncDisposableStack();
  const lives = lifetimes();
  lives.limit("a>b", 50);
  const [limited, other] = [await joined(cleanup), await joined(cleanup)];
  const reset = once(limited.far, "error");
  lives.add("a>b", limited.client, limited.upstream);
  lives.add("a>c", other.client, other.upstream);
  const [error]: (Error & { code?: string })[] = await reset;
  assert.equal(error?.code, "ECONNRESET");
  assert.ok(limited.upstream.destroyed);
  assert.equal(await ended(other.far, 100), false);
});

test("connections that stand already end one after the other, and none does once the limit is taken off", async (t) => {
  await using cleanup = new AsyncDisposableStack();
  const standing = [await joined(cleanup), await joined(cleanup), await joined(cleanup)];
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const lives = lifetimes();
  for (const { client, upstream } of standing) lives.add("a>b", client, upstream);
  const ended = () => standing.map(({ client }) => client.destroyed);
  lives.limit("a>b", 300);
  t.mock.timers.tick(100);
  assert.deepEqual(ended(), [true, false, false]);
  t.mock.timers.tick(100);
  assert.deepEqual(ended(), [true, true, false]);
  lives.limit("a>b", undefined);
  t.mock.timers.tick(10_000);
  assert.deepEqual(ended(), [true, true, false]);
});
