import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface DrainLimits {
  /** From now on until no more connections are accepted: for whoever balances over readiness to notice. */
  readonly noticeMs: number;
  /** Then, how long requests under way may take. */
  readonly withinMs: number;
}

/** How often connections are looked at. */
const sweepMs = 50;

/**
 * How long a connection without a request must have been quiet to be closed. Longer than a round trip: its caller may
 * have been told that it is kept, before the drain began, and be sending the next request now.
 */
const quietMs = 250;

interface Connection {
  /** Those that are not over. */
  readonly responses: Set<ServerResponse>;
  /** When something last came in or went out, and how much had come in by then. */
  movedAt: number;
  bytesRead: number;
}

/**
 * Makes a server one that can be stopped without losing a request; call it before the server listens.
 *
 * Draining, the responses to new requests must say `Connection: close`, and readiness must fail: that is the caller's
 * part.
 *
 * @returns the drain: resolves once every connection is closed, with whether all ended by themselves in time
 */
export function drainable(server: Server): (limits: DrainLimits) => Promise<boolean> {
  const connections = new Map<Socket, Connection>();

  server.on("connection", (socket: Socket) => {
    connections.set(socket, { responses: new Set(), movedAt: performance.now(), bytesRead: 0 });
    socket.once("close", () => connections.delete(socket));
  });
  server.prependListener("request", ({ socket }: IncomingMessage, res: ServerResponse) => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connection.responses.add(res);
    res.once("close", () => {
      connection.responses.delete(res);
      connection.movedAt = performance.now();
    });
  });

  /** Closes what is idle, what never carried a byte, and what has a part of a request whose rest does not come. */
  function closeQuiet(): void {
    const now = performance.now();
    for (const [socket, connection] of connections) {
      if (socket.bytesRead !== connection.bytesRead) {
        connection.bytesRead = socket.bytesRead;
        connection.movedAt = now;
      }
      if (connection.responses.size === 0 && now - connection.movedAt >= quietMs) socket.destroy();
    }
  }

  return async ({ noticeMs, withinMs }) => {
    // Those that are under way were not told yet that theirs is the last on its connection.
    for (const { responses } of connections.values())
      for (const res of responses) if (!res.headersSent) res.setHeader("connection", "close");
    await delay(noticeMs);
    const closed = once(server, "close").then(() => true);
    // Without what HTTP's close() does beside: to end every connection that is idle at this moment, though its caller
    // may have been told just now that it is kept, and to end the time limits for those who send slowly.
    NetServer.prototype.close.call(server);
    const sweep = setInterval(closeQuiet, sweepMs);
    const finished = await Promise.race([closed, delay(withinMs, false, { ref: false })]);
    clearInterval(sweep);
    server.closeAllConnections();
    return finished;
  };
}
