import { reasonOf } from "../errors.ts";
import type { Host } from "./host.ts";
import type { Program, ToolSpec } from "./tool.ts";
import { compareVersions } from "./version.ts";

/**
 * Runs the program and reads its version.
 * @throws Error saying why it cannot be used: it does not run, tells no version, or is too old
 */
export async function checkVersion(
  spec: ToolSpec,
  program: Program,
  host: Host,
  signal: AbortSignal,
): Promise<string> {
  const env = { ...host.env, ...program.env };
  let output: string;
  try {
    output = await host.run(program.path, spec.versionArgs, { env, timeoutMs: 15_000 }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`it does not run: ${reasonOf(error)}`, { cause: error });
  }
  const version = await spec.readVersion(output, program.path);
  if (version === undefined) throw new Error(`it tells no version: "${output.trim().slice(0, 80)}"`);
  if (compareVersions(version, spec.minimumVersion) < 0) {
    throw new Error(`it is ${version}, and ${spec.minimumVersion} or newer is needed`);
  }
  return version;
}
