import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Leftovers } from "../substrate.ts";
import { processStat } from "./proc.ts";
import { type LedgerEntry, ledgerName, signalGroup } from "./processes.ts";

/** The folder in a run's folder where its processes keep their files; gone when the run is over. */
export const workFolderName = "work";

/**
 * Ends what runs that were killed have left: a run is dead when its ledger is still there and the harness that
 * wrote it is not. A process is ended only when it is the one that the ledger names, by pid and start time.
 */
export async function cleanLeftovers(runsDir: string): Promise<Leftovers> {
  const processes: string[] = [];
  const folders: string[] = [];
  const runs = await readdir(runsDir, { withFileTypes: true }).catch(() => []);
  for (const run of runs.filter((entry) => entry.isDirectory())) {
    const folder = join(runsDir, run.name);
    const ledger = await readFile(join(folder, ledgerName), "utf8").catch(() => undefined);
    if (ledger === undefined) continue;
    const entries = ledger.split("\n").flatMap(parse);
    const harness = entries.find(({ name }) => name === "harness");
    if (harness === undefined || (await isAlive(harness))) continue;
    for (const entry of entries) {
      if (entry === harness || !(await isAlive(entry))) continue;
      signalGroup(pidOf(entry), "SIGKILL");
      processes.push(`${run.name}: ${entry.name} (pid ${pidOf(entry)})`);
    }
    const work = join(folder, workFolderName);
    await rm(work, { recursive: true, force: true });
    await rm(join(folder, ledgerName), { force: true });
    folders.push(work);
  }
  return { processes, folders };
}

/** A line that was cut off in the middle names no process. */
function parse(line: string): LedgerEntry[] {
  try {
    const { name, identity }: Partial<LedgerEntry> = JSON.parse(line);
    return typeof name === "string" && typeof identity === "string" ? [{ name, identity }] : [];
  } catch {
    return [];
  }
}

const pidOf = ({ identity }: LedgerEntry) => Number(identity.split("@")[0]);

async function isAlive(entry: LedgerEntry): Promise<boolean> {
  const { state, identity } = await processStat(pidOf(entry));
  return state !== "gone" && identity === entry.identity;
}
