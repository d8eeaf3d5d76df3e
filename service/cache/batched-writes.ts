import type { Redis } from "ioredis";

/**
 * Sends the commands of one turn of the event loop with one write.
 *
 * Each request of a service comes by a socket of its own, so that ioredis would write its one command at once: a system
 * call here, and another at the node, for each. Under load many requests are read in one turn. Their commands wait for
 * its end, which for a request that is alone is now.
 */
export function batchWrites(connection: Redis): void {
  const send = connection.sendCommand.bind(connection);
  connection.sendCommand = (command, stream) => {
    const { stream: socket } = connection;
    // There is none before it connects; then ioredis keeps or rejects the command.
    if (socket?.writableCorked === 0) {
      socket.cork();
      setImmediate(() => socket.uncork());
    }
    return send(command, stream);
  };
}
