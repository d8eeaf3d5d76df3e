import { lstat, mkdir, readdir, rename, stat, symlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { BreakwaterError, reasonOf } from "../errors.ts";

/** Where a run's files are; absolute paths. */
export interface RunFolder {
  readonly path: string;
  readonly plan: string;
  readonly journal: string;
  readonly samples: string;
  /** One synced record for each fault in force; empty when the run is over. */
  readonly undo: string;
  /** One file a process. */
  readonly logs: string;
}

/** Names the files of a run's folder; touches nothing. */
export function runFolderAt(path: string): RunFolder {
  const folder = resolve(path);
  return {
    path: folder,
    plan: join(folder, "plan.json"),
    journal: join(folder, "journal.ndjson"),
    samples: join(folder, "samples.csv"),
    undo: join(folder, "undo"),
    logs: join(folder, "logs"),
  };
}

/**
 * Creates `runsFolder/2026-11-23T06-20-11Z-node-kill`, and lets `runsFolder/latest` point at it.
 * @throws BreakwaterError RUN_FOLDER_UNWRITABLE
 */
export async function createRunFolder(
  runsFolder: string,
  scenario: string,
  startedAt: Date,
): Promise<RunFolder> {
  const time = startedAt.toISOString().replace(/\.\d+/, "").replaceAll(":", "-");
  const name = `${time}-${scenario.replaceAll(/[^\w.-]+/g, "-")}`;
  return writable(runsFolder, async () => {
    await makeFolders(runsFolder);
    const folder = runFolderAt(await mkdirUnused(join(runsFolder, name)));
    await mkdir(folder.undo);
    await mkdir(folder.logs);
    await pointLatestAt(folder.path);
    return folder;
  });
}

/**
 * Makes a folder, missing or there, a run's folder.
 * @throws BreakwaterError RUN_FOLDER_TAKEN if it holds a run already, RUN_FOLDER_UNWRITABLE
 */
export async function useRunFolder(path: string): Promise<RunFolder> {
  const folder = runFolderAt(path);
  const names = await writable(folder.path, async () => {
    await makeFolders(folder.path);
    return readdir(folder.path);
  });
  if (names.includes("plan.json")) {
    throw new BreakwaterError(
      "BAD_INPUT",
      "RUN_FOLDER_TAKEN",
      `Cannot write a run into "${path}": it holds one already`,
      {
        hint: "Name another folder: a run never overwrites another.",
      },
    );
  }
  await writable(folder.path, async () => {
    await makeFolders(folder.undo);
    await makeFolders(folder.logs);
  });
  return folder;
}

/**
 * The folder of a run that has been; `latest` inside a folder of runs leads to the newest.
 * @throws BreakwaterError RUN_FOLDER_MISSING
 */
export async function findRunFolder(path: string): Promise<RunFolder> {
  const folder = runFolderAt(path);
  const found = await stat(folder.journal).catch(() => undefined);
  if (found === undefined) {
    throw new BreakwaterError(
      "BAD_INPUT",
      "RUN_FOLDER_MISSING",
      `Cannot judge "${path}": it holds no journal.ndjson`,
      {
        hint: "Name the folder of a run, such as runs/latest.",
      },
    );
  }
  return folder;
}

/** Two runs that begin in the same second get folders of their own. */
async function mkdirUnused(path: string): Promise<string> {
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? path : `${path}-${count}`;
    try {
      await mkdir(candidate);
      return candidate;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }
}

/** Replaces the link in one step, so that a reader never finds none. */
async function pointLatestAt(path: string): Promise<void> {
  const latest = join(dirname(path), "latest");
  const there = await lstat(latest).catch(() => undefined);
  // A user's own file or folder of that name stays as it is.
  if (there !== undefined && !there.isSymbolicLink()) return;
  const link = `${path}.latest`;
  await symlink(basename(path), link);
  await rename(link, latest);
}

/** Like mkdir with `recursive`, which never returns for a folder below /proc (Node 24). */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolders(dirname(path));
    await mkdir(path);
  }
}

async function writable<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new BreakwaterError(
      "HARNESS_ERROR",
      "RUN_FOLDER_UNWRITABLE",
      `Cannot make a run's folder in "${path}": ${reasonOf(cause)}`,
      { cause, hint: "Name a folder that can be written with --run-dir." },
    );
  }
}
