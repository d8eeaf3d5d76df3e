import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { aptUnpack } from "../harness/toolchain/apt-unpack.ts";
import { findTool } from "../harness/toolchain/find.ts";
import { onPath, thisHost } from "../harness/toolchain/host.ts";
import { obtainTool } from "../harness/toolchain/obtain.ts";
import type { FoundTool, ToolSpec } from "../harness/toolchain/tool.ts";
import { firstVersion } from "../harness/toolchain/version.ts";

/**
 * Checks the Prometheus rules with promtool, and runs their tests. promtool is the one that BREAKWATER_PROMTOOL names,
 * the one on PATH, or Debian's, unpacked into the cache. Where it cannot be had, the rules were not checked: that
 * fails in CI and wherever there is an apt-get, and elsewhere it is said.
 *
 * usage: check-rules.ts [folder]
 */
const folder = process.argv[2] ?? join(import.meta.dirname, "../service/observability");

const promtool: ToolSpec = {
  name: "promtool",
  pathVariable: "BREAKWATER_PROMTOOL",
  minimumVersion: "2.40",
  versionArgs: ["--version"],
  readVersion: async (output) => firstVersion(/^promtool, version (\S+)/m.exec(output)?.[1] ?? ""),
  locate: async (unpacked) => ({ path: join(unpacked, "usr/bin/promtool"), env: {} }),
  sources: [aptUnpack("prometheus")],
  advice: `"apt-get install prometheus" or "brew install prometheus"`,
};

process.exitCode = await checkFolder();

async function checkFolder(): Promise<number> {
  const files = readdirSync(folder).sort();
  const rules = files.filter((file) => file.endsWith(".rules.yaml"));
  const tests = files.filter((file) => file.endsWith(".test.yaml"));
  if (rules.length === 0 || tests.length === 0) {
    console.error(`Cannot check "${folder}": it needs rules (*.rules.yaml) and tests of them (*.test.yaml)`);
    return 1;
  }
  const tool = await obtain();
  if (typeof tool === "string") {
    const must = process.env["CI"] !== undefined || (await onPath(thisHost(), "apt-get")).length > 0;
    console.error(
      `${rules.join(", ")}: not checked, since promtool is not to be had: ${tool}; ${promtool.advice}`,
    );
    return must ? 1 : 0;
  }
  const run = (...args: string[]) =>
    spawnSync(tool.path, args, { cwd: folder, env: { ...process.env, ...tool.env }, encoding: "utf8" });
  for (const { status, stdout, stderr, error } of [
    run("check", "rules", ...rules),
    run("test", "rules", ...tests),
  ]) {
    if (status === 0) continue;
    console.error([stdout, stderr, error?.message].filter(Boolean).join("\n"));
    return 1;
  }
  console.log(`promtool ${tool.version}: ${rules.join(", ")} are right, and ${tests.join(", ")} pass`);
  return 0;
}

/** The tool, or why there is none. A path that is named and cannot be used is an error. */
async function obtain(): Promise<FoundTool | string> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
  const there = await findTool(promtool, thisHost(), stop.signal);
  if ("found" in there) return there.found;
  const got = await obtainTool(promtool, thisHost(), (line) => console.error(line), stop.signal);
  return "found" in got ? got.found : got.tried.join("; ");
}
