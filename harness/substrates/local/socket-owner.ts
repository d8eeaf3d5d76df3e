import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ownsSocket, processesOfGroup, type SocketEnd, socketInode } from "./proc.ts";
import type { Source } from "./router-protocol.ts";

/**
 * The kernel walks its whole hash table for one reading, which takes 10 ms and more on a machine with much memory
 * and many closed connections. So all that come in this time share one reading.
 */
const readEveryMs = 20;

/** The text of a socket table, read after the call. */
type FreshTable = () => Promise<string>;

function tableReader(file: string): FreshTable {
  let next: Promise<string> | undefined;
  let current: Promise<unknown> = Promise.resolve();
  return () => {
    next ??= current.then(async () => {
      await delay(readEveryMs / 2);
      next = undefined;
      // tcp6 is not there where IPv6 is switched off.
      const reading = readFile(file, "latin1").catch(() => "");
      current = reading.then(() => delay(readEveryMs / 2));
      return await reading;
    });
    return next;
  };
}

const tables = [
  { family: "tcp", fresh: tableReader("/proc/net/tcp") },
  { family: "tcp6", fresh: tableReader("/proc/net/tcp6") },
] as const;

/** Which of the sources holds the client's end of a connection on this host. */
export async function ownerOf(
  client: SocketEnd,
  server: SocketEnd,
  sources: readonly Source[],
): Promise<Source | "unknown" | "closed"> {
  const running = sources.filter((source) => source.address === undefined && source.pid !== undefined);
  // A short-lived connection may close while its owner is looked for: only one that stays open has no owner.
  for (let look = 0; look < 2; look += 1) {
    const inode = await inodeOf(client, server);
    if (inode === undefined) return "closed";
    for (const source of running) if (ownsSocket(source.pid ?? 0, inode)) return source;
    // Not the replica itself: perhaps a process that it started, which is in the same group.
    for (const source of running) {
      for (const pid of await processesOfGroup(source.pid ?? 0)) if (ownsSocket(pid, inode)) return source;
    }
  }
  return (await inodeOf(client, server)) === undefined ? "closed" : "unknown";
}

async function inodeOf(client: SocketEnd, server: SocketEnd): Promise<string | undefined> {
  for (const { family, fresh } of tables) {
    const inode = socketInode(await fresh(), family, client, server);
    if (inode !== undefined) return inode;
  }
  return undefined;
}
