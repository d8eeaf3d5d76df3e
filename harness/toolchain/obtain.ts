import { BreakwaterError, reasonOf } from "../errors.ts";
import { cacheFolder, discard, inStaging, publish } from "./cache.ts";
import { checkVersion } from "./check.ts";
import type { Search } from "./find.ts";
import type { Host } from "./host.ts";
import type { FoundTool, Source, ToolSpec } from "./tool.ts";

/**
 * Gets a tool into the cache from the first of its sources that can give it.
 * @throws BreakwaterError when a source refuses to go on, such as TOOL_DIGEST_WRONG; signal.reason on abort
 */
export async function obtainTool(
  spec: ToolSpec,
  host: Host,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<Search> {
  const tried: string[] = [];
  for (const source of spec.sources) {
    try {
      return { found: await obtainFrom(source, spec, host, report, signal) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BreakwaterError) throw error;
      tried.push(`${source.name}: ${reasonOf(error)}`);
    }
  }
  return { tried };
}

function obtainFrom(
  source: Source,
  spec: ToolSpec,
  host: Host,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<FoundTool> {
  return inStaging(host, async (staged) => {
    await source.obtain(staged, host, report, signal);
    // Nothing takes its place in the cache before it has run once.
    const version = await checkVersion(spec, await spec.locate(staged), host, signal);
    const folder = cacheFolder(host, spec.name, version);
    const program = () => spec.locate(folder);
    while (!(await publish(staged, folder))) {
      // Another process was first, and may be using its own already; or what lies there is broken.
      const usable = await checkVersion(spec, await program(), host, signal).catch(() => undefined);
      if (usable !== undefined) break;
      signal.throwIfAborted();
      await discard(host, folder);
    }
    report(`${spec.name} ${version}: ready, kept in ${folder}`);
    return { ...(await program()), version, origin: source.name };
  });
}
