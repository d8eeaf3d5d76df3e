import { readdir, readFile, readlink } from "node:fs/promises";

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
 * The inode of the client's socket of a connection on this host: the socket whose local end is the given
 * address and port, and whose remote end is ours. Undefined when it is closed already.
 */
export async function clientSocketInode(
  client: { readonly address: string; readonly port: number },
  server: { readonly address: string; readonly port: number },
): Promise<string | undefined> {
  const wanted = [
    { file: "/proc/net/tcp", local: hex4(client), remote: hex4(server) },
    // A program that dials through an IPv6 socket shows up here, with mapped addresses.
    { file: "/proc/net/tcp6", local: hex6(client), remote: hex6(server) },
  ];
  for (const { file, local, remote } of wanted) {
    const table = await readFile(file, "latin1").catch(() => "");
    const at = table.indexOf(`: ${local} ${remote} `);
    if (at === -1) continue;
    const inode = table.slice(at + 2, table.indexOf("\n", at)).split(/\s+/)[8];
    if (inode !== undefined && inode !== "0") return inode;
  }
  return undefined;
}

/** Whether the process holds the socket with this inode open. */
export async function ownsSocket(pid: number, inode: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const fds = await readdir(folder).catch(() => []);
  const links = await Promise.all(fds.map((fd) => readlink(`${folder}/${fd}`).catch(() => "")));
  return links.includes(`socket:[${inode}]`);
}

/** Every IPv4 address that a TCP socket of this host is bound to. */
export async function boundAddresses(): Promise<string[]> {
  const table = await readFile("/proc/net/tcp", "latin1");
  return [...table.matchAll(/: ([0-9A-F]{8}):[0-9A-F]{4} /g)].map(([, hex = ""]) =>
    [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join("."),
  );
}

/** The kernel prints an IPv4 address as one little-endian number, and a port as a big-endian one. */
function hex4({ address, port }: { readonly address: string; readonly port: number }): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `${bytes.reverse().join("")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

function hex6(end: { readonly address: string; readonly port: number }): string {
  return `0000000000000000FFFF0000${hex4(end)}`;
}
