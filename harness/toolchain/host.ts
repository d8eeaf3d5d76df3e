import { access, constants, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { runCommand } from "./run-command.ts";

/** All that the toolchain takes from the machine, so that a test can put another in its place. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As `process.platform` and `process.arch`. */
  readonly platform: string;
  readonly arch: string;
  /** Where tools are kept; need not exist. */
  readonly cacheDir: string;
  /** Origin that the paths of pinned releases are joined to. */
  readonly releasesUrl: string;
  /** A download that sends nothing for this long, its first answer included, is given up. */
  readonly silenceMs: number;
  readonly run: typeof runCommand;
}

/** The machine that this process runs on. */
export function thisHost(): Host {
  return {
    env: process.env,
    platform: process.platform,
    arch: process.arch,
    cacheDir: cacheDirOf(process.env, homedir()),
    releasesUrl: "https://github.com",
    silenceMs: 10_000,
    run: runCommand,
  };
}

/** BREAKWATER_CACHE, or `breakwater` in the user's cache folder as the XDG specification finds it. */
export function cacheDirOf(env: Host["env"], home: string): string {
  if (env.BREAKWATER_CACHE) return resolve(env.BREAKWATER_CACHE);
  // The XDG specification: a relative path in the variable is to be ignored.
  const xdg = env.XDG_CACHE_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(home, ".cache"), "breakwater");
}

/** Every executable file of this name on PATH, in its order. */
export async function onPath(host: Host, name: string): Promise<string[]> {
  const folders = (host.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const paths = folders.map((folder) => resolve(folder, name));
  const executable = await Promise.all(paths.map(isExecutableFile));
  return [...new Set(paths.filter((_, index) => executable[index]))];
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
