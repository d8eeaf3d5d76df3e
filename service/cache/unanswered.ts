import type { Redis } from "ioredis";

/**
 * A connection owes so many replies that no more is sent on it. Nothing was sent: trying elsewhere, or later,
 * is safe.
 */
export class TooManyUnanswered extends Error {
  override readonly name = "TooManyUnanswered";
}

/**
 * Bounds the commands that wait on one connection: those on their way, and those that their callers gave up on.
 *
 * A reply carries no number, so ioredis must keep a command that timed out until its reply comes or the
 * connection ends. A node that is silent, or slower than its callers' timeout, would collect them without end.
 * No bulkhead sees these: their callers have left.
 *
 * One command more is rejected with TooManyUnanswered, and not sent. Not for MULTI: a part of it could be
 * rejected alone.
 */
export function limitUnanswered(connection: Redis, limit: number): void {
  const send = connection.sendCommand.bind(connection);
  connection.sendCommand = (command, stream) => {
    // Until it is ready a connection sends its handshake only. The cluster's client gives it nothing else.
    if (connection.status === "ready" && connection.commandQueue.length >= limit) {
      const { host, port } = connection.options;
      command.reject(new TooManyUnanswered(`${host}:${port} owes ${limit} replies, the limit: not sent`));
      return command.promise;
    }
    return send(command, stream);
  };
}
