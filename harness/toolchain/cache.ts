import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BreakwaterError, reasonOf } from "../errors.ts";
import type { Host } from "./host.ts";
import type { ToolName } from "./tool.ts";
import { compareVersions } from "./version.ts";

const stagingPrefix = ".staging-";
/** Longer than the slowest install; older staging folders are what a killed process left. */
const abandonedAfterMs = 60 * 60_000;

/** Where a version of a tool is kept: a cache may be shared by machines of several kinds. */
export function cacheFolder(host: Host, name: ToolName, version: string): string {
  return join(host.cacheDir, name, `${version}-${host.platform}-${host.arch}`);
}

/** The folders kept for a tool that fit this machine, the newest version first. */
export async function cachedFolders(host: Host, name: ToolName): Promise<string[]> {
  const entries = await readdir(join(host.cacheDir, name)).catch(() => []);
  return entries
    .filter((entry) => entry.endsWith(`-${host.platform}-${host.arch}`))
    .sort((a, b) => compareVersions(b, a))
    .map((entry) => join(host.cacheDir, name, entry));
}

/**
 * Calls `work` with an empty folder on the cache's file system, and removes the folder however `work` ends,
 * unless `publish` has moved it.
 * @throws BreakwaterError TOOL_CACHE_UNWRITABLE
 */
export async function inStaging<T>(host: Host, work: (folder: string) => Promise<T>): Promise<T> {
  let folder: string;
  try {
    await mkdir(host.cacheDir, { recursive: true });
    await removeAbandoned(host.cacheDir);
    folder = await mkdtemp(join(host.cacheDir, stagingPrefix));
  } catch (error) {
    throw new BreakwaterError(
      "HARNESS_ERROR",
      "TOOL_CACHE_UNWRITABLE",
      `Preparing the tool cache in "${host.cacheDir}": ${reasonOf(error)}`,
      { hint: "Set BREAKWATER_CACHE to a folder that can be written.", cause: error },
    );
  }
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Moves a filled staging folder to its place in one step.
 * @returns false when something is there already, which is left alone
 */
export async function publish(staged: string, target: string): Promise<boolean> {
  await mkdir(dirname(target), { recursive: true });
  // A temporary folder is its owner's alone; a cache made by one user may serve another.
  await chmod(staged, 0o755);
  try {
    await rename(staged, target);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOTEMPTY" || error.code === "EEXIST"))
      return false;
    throw error;
  }
}

/** Takes a folder out of the cache in one step, then removes it. Harmless when another process was first. */
export async function discard(host: Host, folder: string): Promise<void> {
  await inStaging(host, async (bin) => {
    await rename(folder, join(bin, "discarded")).catch(() => {});
  });
}

async function removeAbandoned(cacheDir: string): Promise<void> {
  for (const entry of await readdir(cacheDir)) {
    if (!entry.startsWith(stagingPrefix)) continue;
    const folder = join(cacheDir, entry);
    const changedMs = (await stat(folder).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (Date.now() - changedMs > abandonedAfterMs) await rm(folder, { recursive: true, force: true });
  }
}
