import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { aptUnpack } from "./apt-unpack.ts";
import { brewInstall } from "./brew-install.ts";
import { goInstall } from "./go-install.ts";
import { k6Module, k6Release, toxiproxyModule, toxiproxyRelease } from "./pins.ts";
import { release } from "./release.ts";
import type { Program, ToolSpec } from "./tool.ts";
import { firstVersion } from "./version.ts";

const redisProgram = "usr/bin/redis-server";

export const redisServer: ToolSpec = {
  name: "redis-server",
  pathVariable: "BREAKWATER_REDIS_SERVER",
  minimumVersion: "7.0",
  versionArgs: ["--version"],
  readVersion: async (output) => firstVersion(/ v=(\S+)/.exec(output)?.[1] ?? ""),
  locate: locateRedis,
  sources: [aptUnpack("redis-server"), brewInstall("redis", "bin/redis-server", redisProgram)],
  advice: `"apt-get install redis-server", "dnf install redis" or "brew install redis"`,
};

export const toxiproxyServer: ToolSpec = {
  name: "toxiproxy-server",
  pathVariable: "BREAKWATER_TOXIPROXY_SERVER",
  minimumVersion: "2.5",
  versionArgs: ["-version"],
  readVersion: async (output, path) =>
    /^toxiproxy-server version git$/m.test(output)
      ? goModuleVersion(await readFile(path), "github.com/Shopify/toxiproxy/v2")
      : firstVersion(/^toxiproxy-server version (\S+)/m.exec(output)?.[1] ?? ""),
  locate: async (folder) => ({ path: join(folder, "toxiproxy-server"), env: {} }),
  sources: [release("toxiproxy-server", toxiproxyRelease), goInstall("toxiproxy-server", toxiproxyModule)],
  advice: `download it from https://github.com/Shopify/toxiproxy/releases, "brew install toxiproxy", or install Go`,
};

export const k6: ToolSpec = {
  name: "k6",
  pathVariable: "BREAKWATER_K6",
  minimumVersion: "1.8",
  versionArgs: ["version"],
  readVersion: async (output) => firstVersion(/^k6 v?(\S+)/m.exec(output)?.[1] ?? ""),
  locate: async (folder) => ({ path: join(folder, "k6"), env: {} }),
  sources: [release("k6", k6Release), goInstall("k6", k6Module)],
  advice: `download it from https://github.com/grafana/k6/releases, "brew install k6", or install Go`,
};

/** Debian's redis-server, with its libraries wherever the packages put them. */
async function locateRedis(folder: string): Promise<Program> {
  const libraryFolders = new Set<string>();
  for await (const library of glob("**/*.so*", { cwd: folder }))
    libraryFolders.add(join(folder, dirname(library)));
  return {
    path: join(folder, redisProgram),
    env: libraryFolders.size === 0 ? {} : { LD_LIBRARY_PATH: [...libraryFolders].join(":") },
  };
}

/**
 * The version of its main module in a Go program, which the linker writes there as text; what
 * `go install` builds of toxiproxy calls itself "git".
 */
export function goModuleVersion(program: Buffer, module: string): string | undefined {
  const marker = `mod\t${module}\tv`;
  const at = program.indexOf(marker);
  if (at === -1) return undefined;
  return firstVersion(program.toString("latin1", at + marker.length, at + marker.length + 40));
}
