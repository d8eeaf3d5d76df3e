import { resolve } from "node:path";
import { BreakwaterError, reasonOf } from "../errors.ts";
import { cachedFolders } from "./cache.ts";
import { checkVersion } from "./check.ts";
import { type Host, onPath } from "./host.ts";
import type { FoundTool, Program, ToolSpec } from "./tool.ts";

/** A tool that this machine has, or what was looked at in vain. */
export type Search = { readonly found: FoundTool } | { readonly tried: readonly string[] };

/**
 * Looks for a tool in the environment, on PATH and in the cache; gets and changes nothing.
 * @throws BreakwaterError TOOL_PATH_WRONG when the environment names a path that cannot be used: what a
 *   user asked for is never silently replaced
 */
export async function findTool(spec: ToolSpec, host: Host, signal: AbortSignal): Promise<Search> {
  const explicit = host.env[spec.pathVariable];
  if (explicit) return { found: await explicitTool(spec, explicit, host, signal) };

  const tried: string[] = [];
  const firstUsable = async (
    origin: string,
    programs: readonly Program[],
  ): Promise<FoundTool | undefined> => {
    if (programs.length === 0) tried.push(`${origin}: not there`);
    for (const program of programs) {
      try {
        return { ...program, version: await checkVersion(spec, program, host, signal), origin };
      } catch (error) {
        signal.throwIfAborted();
        tried.push(`${origin}: ${program.path}: ${reasonOf(error)}`);
      }
    }
    return undefined;
  };
  const onThePath = (await onPath(host, spec.name)).map((path) => ({ path, env: {} }));
  const found =
    (await firstUsable("PATH", onThePath)) ??
    (await firstUsable("cache", await Promise.all((await cachedFolders(host, spec.name)).map(spec.locate))));
  return found === undefined ? { tried } : { found };
}

async function explicitTool(
  spec: ToolSpec,
  explicit: string,
  host: Host,
  signal: AbortSignal,
): Promise<FoundTool> {
  const program = { path: resolve(explicit), env: {} };
  try {
    return {
      ...program,
      version: await checkVersion(spec, program, host, signal),
      origin: spec.pathVariable,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw new BreakwaterError(
      "HARNESS_ERROR",
      "TOOL_PATH_WRONG",
      `Using ${spec.name} from ${spec.pathVariable}="${explicit}": ${reasonOf(error)}`,
      { hint: `Correct or unset ${spec.pathVariable}.`, cause: error },
    );
  }
}
