import { readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Leftovers } from "../substrate.ts";
import { processStat } from "./proc.ts";
import { type LedgerEntry, ledgerName, processesMarked, signalGroup, signalProcess } from "./processes.ts";

/** The folder in a run's folder where its processes keep their files; gone when the run is over. */
export const workFolderName = "work";

/**
 * Ends what runs that were killed have left: a run is dead when its ledger is still there and the harness that
 * wrote it is not. A process is ended only when it is the one that the ledger names, by pid and start time.
 */
export async function cleanLeftovers(runsDir: string): Promise<Leftovers> {
  const processes: string[] = [];
  const folders: string[] = [];
  const entries = await readdir(runsDir, { withFileTypes: true }).catch(() => []);
  const runs = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(runsDir, name));
  for (const folder of [runsDir, ...runs]) {
    const run = basename(folder);
    const ledger = await readFile(join(folder, ledgerName), "utf8").catch(() => undefined);
    if (ledger === undefined) continue;
    const started = ledger.split("\n").flatMap(parse);
    const harness = started.find(({ name }) => name === "harness");
    if (harness === undefined || (await isAlive(harness))) continue;
    const ended = new Set<number>();
    for (const entry of started) {
      if (entry === harness || !(await isAlive(entry))) continue;
      signalGroup(pidOf(entry), "SIGKILL");
      ended.add(pidOf(entry));
      processes.push(`${run}: ${entry.name} (pid ${pidOf(entry)})`);
    }
    for (const pid of harness.mark === undefined ? [] : await processesMarked(harness.mark)) {
      signalProcess(pid, "SIGKILL");
      // One that was just killed may still be there to see.
      if (ended.has(pid)) continue;
      processes.push(`${run}: pid ${pid}`);
    }
    const work = join(folder, workFolderName);
    await rm(work, { recursive: true, force: true });
    // What was in force has ended with the processes that it was put on.
    await rm(join(folder, "undo"), { recursive: true, force: true });
    await rm(join(folder, ledgerName), { force: true });
    folders.push(work);
  }
  return { processes, folders };
}

/** A line that was cut off in the middle names no process. */
function parse(line: string): LedgerEntry[] {
  try {
    const { name, identity, mark }: Partial<LedgerEntry> = JSON.parse(line);
    return typeof name === "string" && typeof identity === "string"
      ? [{ name, identity, ...(mark === undefined ? {} : { mark }) }]
      : [];
  } catch {
    return [];
  }
}

const pidOf = ({ identity }: LedgerEntry) => Number(identity.split("@")[0]);

async function isAlive(entry: LedgerEntry): Promise<boolean> {
  const { state, identity } = await processStat(pidOf(entry));
  return state !== "gone" && identity === entry.identity;
}
