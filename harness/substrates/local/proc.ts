import { readdirSync, readlinkSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";

/** What the kernel says of a process, from /proc (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly state: "running" | "stopped" | "gone";
  readonly group: number;
  /** `pid@start time in clock ticks since boot`: a later process under the same pid has another. */
  readonly identity: string;
}

const gone: ProcessStat = { state: "gone", group: 0, identity: "" };

/** A zombie counts as gone: it has ended, and only its parent has not looked yet. */
export async function processStat(pid: number): Promise<ProcessStat> {
  const text = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => undefined);
  if (text === undefined) return gone;
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [letter, , group] = fields;
  const startTicks = fields[19];
  if (letter === "Z" || letter === "X") return gone;
  return {
    state: letter === "T" || letter === "t" ? "stopped" : "running",
    group: Number(group),
    identity: `${pid}@${startTicks}`,
  };
}

/** The processes of a group, by reading all of /proc: for the rare case that the leader itself is not the one. */
export async function processesOfGroup(group: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const stats = await Promise.all(pids.map(async (pid) => ({ pid, stat: await processStat(pid) })));
  return stats.filter(({ stat }) => stat.state !== "gone" && stat.group === group).map(({ pid }) => pid);
}

/**
 * The inode of the socket whose local and remote end are given, in the text of /proc/net/tcp or tcp6. Undefined
 * when there is none, or only one that its process has closed.
 */
export function socketInode(
  table: string,
  family: "tcp" | "tcp6",
  local: SocketEnd,
  remote: SocketEnd,
): string | undefined {
  // A program that dials through an IPv6 socket shows up in tcp6, with mapped addresses.
  const hex = family === "tcp" ? hex4 : hex6;
  const at = table.indexOf(`: ${hex(local)} ${hex(remote)} `);
  if (at === -1) return undefined;
  const inode = table.slice(at + 2, table.indexOf("\n", at)).split(/\s+/)[8];
  return inode === "0" ? undefined : inode;
}

export interface SocketEnd {
  readonly address: string;
  readonly port: number;
}

/**
 * Whether the process holds the socket with this inode open. Synchronous: the files are the kernel's memory, and
 * a thread's round trip for each of a hundred descriptors costs more than reading them (0.3 ms for 30).
 */
export function ownsSocket(pid: number, inode: string): boolean {
  const folder = `/proc/${pid}/fd`;
  const wanted = `socket:[${inode}]`;
  try {
    return readdirSync(folder).some((fd) => linkOf(`${folder}/${fd}`) === wanted);
  } catch {
    // The process has ended.
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // The descriptor was closed between the listing and now.
    return "";
  }
}

/** Every IPv4 address that a TCP socket of this host is bound to. */
export async function boundAddresses(): Promise<string[]> {
  const table = await readFile("/proc/net/tcp", "latin1");
  return [...table.matchAll(/: ([0-9A-F]{8}):[0-9A-F]{4} /g)].map(([, hex = ""]) =>
    [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join("."),
  );
}

/** The kernel prints an IPv4 address as one little-endian number, and a port as a big-endian one. */
function hex4({ address, port }: SocketEnd): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `${bytes.reverse().join("")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

function hex6(end: SocketEnd): string {
  return `0000000000000000FFFF0000${hex4(end)}`;
}
