import { BreakwaterError } from "../errors.ts";
import { findTool } from "./find.ts";
import { type Host, thisHost } from "./host.ts";
import { obtainTool } from "./obtain.ts";
import { k6, redisServer, toxiproxyServer } from "./specs.ts";
import type { FoundTool, ToolName, ToolSpec } from "./tool.ts";

/** Paths of the programs that a substrate may start. */
export interface Tools {
  readonly redisServer: string;
  /** Environment that redis-server needs, such as LD_LIBRARY_PATH. */
  readonly redisEnv: Readonly<Record<string, string>>;
  readonly toxiproxyServer: string;
  readonly k6: string;
}

export interface ProvidedTools {
  readonly tools: Tools;
  /** By the program's name: `redis-server`, `toxiproxy-server`, `k6`. */
  readonly versions: Readonly<Record<string, string>>;
}

/** One tool as `doctor` shows it. */
export type ToolReport =
  | {
      readonly tool: ToolName;
      readonly found: true;
      readonly path: string;
      readonly version: string;
      readonly origin: string;
    }
  | {
      readonly tool: ToolName;
      readonly found: false;
      readonly tried: readonly string[];
      readonly hint: string;
    };

/**
 * Finds redis-server, toxiproxy-server and k6, and gets those that are not there; all at the same time.
 * @param report is given a line when something takes long; nothing where all is found
 * @throws BreakwaterError TOOL_MISSING, once for all that cannot be had; TOOL_PATH_WRONG when the
 *   environment names a path that cannot be used; TOOL_DIGEST_WRONG; TOOL_CACHE_UNWRITABLE;
 *   signal.reason on abort
 */
export async function provideTools(
  report: (line: string) => void,
  signal: AbortSignal,
  host: Host = thisHost(),
): Promise<ProvidedTools> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const missing: Missing[] = [];
  // Never rejects: the first failure stops the others, and all of them clean up before it is thrown.
  const get = async (spec: ToolSpec): Promise<FoundTool | undefined> => {
    try {
      const search = await findTool(spec, host, stop);
      if ("found" in search) return search.found;
      const obtained = await obtainTool(spec, host, report, stop);
      if ("found" in obtained) return obtained.found;
      missing.push({ spec, tried: [...search.tried, ...obtained.tried] });
    } catch (error) {
      failed.abort(error);
    }
    return undefined;
  };
  const [redis, toxiproxy, loadGenerator] = await Promise.all([
    get(redisServer),
    get(toxiproxyServer),
    get(k6),
  ]);
  stop.throwIfAborted();
  if (redis === undefined || toxiproxy === undefined || loadGenerator === undefined)
    throw toolMissing(missing);
  return {
    tools: {
      redisServer: redis.path,
      redisEnv: redis.env,
      toxiproxyServer: toxiproxy.path,
      k6: loadGenerator.path,
    },
    versions: {
      [redisServer.name]: redis.version,
      [toxiproxyServer.name]: toxiproxy.version,
      [k6.name]: loadGenerator.version,
    },
  };
}

/** Says where each tool is, or what was looked at in vain. Gets and changes nothing. */
export function inspectTools(signal: AbortSignal, host: Host = thisHost()): Promise<ToolReport[]> {
  return Promise.all([redisServer, toxiproxyServer, k6].map((spec) => inspect(spec, host, signal)));
}

async function inspect(spec: ToolSpec, host: Host, signal: AbortSignal): Promise<ToolReport> {
  try {
    const search = await findTool(spec, host, signal);
    if ("found" in search) {
      const { path, version, origin } = search.found;
      return { tool: spec.name, found: true, path, version, origin };
    }
    const ways = spec.sources.map(({ name }) => name).join(", ");
    const hint = `The next run tries to get it by itself: ${ways}. Or: ${howToHave(spec)}`;
    return { tool: spec.name, found: false, tried: search.tried, hint };
  } catch (error) {
    if (!(error instanceof BreakwaterError)) throw error;
    return { tool: spec.name, found: false, tried: [error.message], hint: error.hint ?? howToHave(spec) };
  }
}

interface Missing {
  readonly spec: ToolSpec;
  readonly tried: readonly string[];
}

function toolMissing(missing: readonly Missing[]): BreakwaterError {
  const details = missing.map(
    ({ spec, tried }) =>
      `\n  ${spec.name} ${spec.minimumVersion} or newer:${tried.map((line) => `\n    ${line}`).join("")}`,
  );
  return new BreakwaterError(
    "HARNESS_ERROR",
    "TOOL_MISSING",
    `Getting ${missing.map(({ spec }) => `"${spec.name}"`).join(", ")}: every way failed${details.join("")}`,
    { hint: missing.map(({ spec }) => howToHave(spec)).join("\n") },
  );
}

function howToHave(spec: ToolSpec): string {
  return `${spec.name}: ${spec.advice}; or set ${spec.pathVariable} to its path.`;
}
