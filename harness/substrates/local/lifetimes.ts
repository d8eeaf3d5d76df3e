import type { Socket } from "node:net";

/** Ends connections that have lived for as long as those of their link may. */
export interface Lifetimes {
  /** From now on; undefined: for ever. Those that are open are reset one after the other within one lifetime. */
  limit(link: string, lifetimeMs: number | undefined): void;
  /** A connection of the link: the client's side, and the side towards the destination. */
  add(link: string, client: Socket, upstream: Socket): void;
}

interface Connection {
  readonly reset: () => void;
  timer?: NodeJS.Timeout;
}

export function lifetimes(): Lifetimes {
  const limits = new Map<string, number>();
  const open = new Map<string, Set<Connection>>();
  return {
    limit(link, lifetimeMs) {
      if (lifetimeMs === undefined) limits.delete(link);
      else limits.set(link, lifetimeMs);
      const standing = [...(open.get(link) ?? [])];
      for (const [index, connection] of standing.entries()) {
        clearTimeout(connection.timer);
        if (lifetimeMs === undefined) continue;
        // All at once would be a single blow instead of a link on which now one and now another breaks.
        connection.timer = setTimeout(connection.reset, (lifetimeMs * (index + 1)) / standing.length);
      }
    },
    add(link, client, upstream) {
      const connections = open.get(link) ?? new Set();
      open.set(link, connections);
      const connection: Connection = {
        reset: () => {
          client.resetAndDestroy();
          upstream.resetAndDestroy();
        },
      };
      connections.add(connection);
      const lifetimeMs = limits.get(link);
      if (lifetimeMs !== undefined) connection.timer = setTimeout(connection.reset, lifetimeMs);
      client.once("close", () => {
        clearTimeout(connection.timer);
        connections.delete(connection);
      });
    },
  };
}
