import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { RunEvent } from "../journal/event.ts";
import { processStat } from "../substrates/local/proc.ts";
import type { Verdict } from "../verdict/verdict.ts";

const cli = join(import.meta.dirname, "../cli.ts");

/** One call of the program, in an empty folder of its own. */
export interface CliRun extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Where the run is recorded. */
  readonly folder: string;
  /** All that it has printed so far, progress and summary. */
  output(): string;
  /** Resolves with the exit code; a process ended by a signal has none. */
  readonly exit: Promise<number | null>;
  /** The journal so far. */
  events(): Promise<RunEvent[]>;
  /** Resolves when the journal holds such an event; rejects when the program ends before. */
  event(matches: (event: RunEvent) => boolean): Promise<RunEvent>;
  verdict(): Promise<Verdict>;
}

/**
 * Starts the program with `--run-dir` of its own.
 *
 * @param under a program to start it with, such as a shell that can be killed instead
 */
export async function startCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  under: readonly string[] = [],
): Promise<CliRun> {
  const cwd = await mkdtemp(join(tmpdir(), "breakwater-e2e-"));
  const folder = join(cwd, "runs", "run");
  const [program = process.execPath, ...rest] = [
    ...under,
    process.execPath,
    cli,
    ...args,
    "--run-dir",
    folder,
  ];
  const child = spawn(program, rest, {
    cwd,
    env: { ...process.env, CI: "true", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk) => (printed += String(chunk)));
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let ended = false;
  exit.then(() => {
    ended = true;
  });

  const events = async (): Promise<RunEvent[]> => {
    const text = await readFile(join(folder, "journal.ndjson"), "utf8").catch(() => "");
    return text
      .split("\n")
      .slice(0, -1)
      .map((line): RunEvent => JSON.parse(line));
  };
  return {
    child,
    folder,
    output: () => printed,
    exit,
    events,
    async event(matches) {
      for (;;) {
        const over = ended;
        const found = (await events()).find(matches);
        if (found !== undefined) return found;
        if (over) throw new Error(`it ended before that happened:\n${printed}`);
        await delay(50);
      }
    },
    verdict: async () => JSON.parse(await readFile(join(folder, "verdict.json"), "utf8")),
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGTERM");
      await exit;
      await rm(cwd, { recursive: true, force: true });
    },
  };
}

/** Those of the run's processes that are still there. */
export async function stillRunning(run: CliRun): Promise<string[]> {
  const started = (await run.events()).flatMap((event) => (event.type === "process-started" ? [event] : []));
  const stats = await Promise.all(
    started.map(async ({ process, pid }) => ({ process, stat: await processStat(pid) })),
  );
  return stats.filter(({ stat }) => stat.state !== "gone").map(({ process }) => process);
}
