import type { Host } from "./host.ts";

/** promtool and chromium are no tools of a run: the checks of this repository use them. */
export type ToolName = "redis-server" | "toxiproxy-server" | "k6" | "promtool" | "chromium";

/** A program and the environment that it needs beside the process's own. */
export interface Program {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface FoundTool extends Program {
  readonly version: string;
  /** Where it comes from: `BREAKWATER_K6`, `PATH`, `cache`, or the name of the source that it was got from. */
  readonly origin: string;
}

/** What the harness needs to know of a tool to find it, check it and get it. */
export interface ToolSpec {
  readonly name: ToolName;
  /** The environment variable that names its path. */
  readonly pathVariable: string;
  readonly minimumVersion: string;
  readonly versionArgs: readonly string[];
  /** The version in what the tool says of itself; undefined where it tells none. */
  readVersion(output: string, path: string): Promise<string | undefined>;
  /** The tool in a folder that one of its sources has filled. */
  locate(folder: string): Promise<Program>;
  /** Ways to get it, in the order in which they are tried. */
  readonly sources: readonly Source[];
  /** What a person can do to have it. */
  readonly advice: string;
}

/** A way to get a tool. */
export interface Source {
  readonly name: string;
  /**
   * Fills an empty folder with the tool. The folder is removed when it fails, and moved when it does not.
   * @throws BreakwaterError when nothing else may be tried; any other Error lets the next source try
   */
  obtain(folder: string, host: Host, report: (line: string) => void, signal: AbortSignal): Promise<void>;
}
