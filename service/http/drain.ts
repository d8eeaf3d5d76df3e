import { once } from "node:events";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface DrainLimits {
  /** From now on until no more connections are accepted: for whoever balances over readiness to notice. */
  readonly noticeMs: number;
  /** Then, how long requests under way may take. */
  readonly withinMs: number;
}

/** How often connections that have become idle are closed. */
const sweepMs = 50;

/**
 * Makes a server one that can be stopped without losing a request; call it before the server listens.
 *
 * Draining, the server's responses must say `Connection: close` and its readiness must fail: that is the
 * caller's part.
 *
 * @returns the drain: resolves once every connection is closed, with whether all ended by themselves in time
 */
export function drainable(server: Server): (limits: DrainLimits) => Promise<boolean> {
  const acceptedAt = new Map<Socket, number>();
  server.on("connection", (socket: Socket) => {
    acceptedAt.set(socket, performance.now());
    socket.once("close", () => acceptedAt.delete(socket));
  });

  /** Clients open connections ahead of need. Node takes one that never carried a byte for busy. */
  function closeUnused(): void {
    const oldEnough = performance.now() - 2 * sweepMs;
    for (const [socket, at] of acceptedAt) if (socket.bytesRead === 0 && at < oldEnough) socket.destroy();
  }

  return async ({ noticeMs, withinMs }) => {
    await delay(noticeMs);
    const closed = once(server, "close").then(() => true);
    server.close();
    // close() ends only the connections that are idle now. One that becomes idle later would hold it open.
    const sweep = setInterval(() => {
      server.closeIdleConnections();
      closeUnused();
    }, sweepMs);
    const patience = new AbortController();
    const outOfTime = delay(withinMs, false, { signal: patience.signal }).catch(() => false);
    const finished = await Promise.race([closed, outOfTime]);
    patience.abort();
    clearInterval(sweep);
    server.closeAllConnections();
    return finished;
  };
}
