import { type ChildProcess, type Serializable, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, closeSync, fsyncSync, openSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BreakwaterError } from "../../errors.ts";
import type { EventBody } from "../../journal/event.ts";
import { processStat } from "./proc.ts";

/** The file in the run's folder that names every process started, so that `clean` can find them later. */
export const ledgerName = "processes.ndjson";

/** A line of the ledger. The first line is the harness itself. */
export interface LedgerEntry {
  readonly name: string;
  readonly identity: string;
}

export interface ProcessSpec {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** `pipe`: the caller reads stdout; else it goes to the log with stderr. */
  readonly stdout?: "pipe";
  /** Opens a channel for messages. */
  readonly ipc?: true;
  /** It ends by itself: whoever started it says whether it ended well. */
  readonly ends?: true;
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  readonly identity: string;
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL after `graceMs` or when `hurry` is aborted; to the whole group. Resolves when it has ended. */
  stop(graceMs: number, hurry: AbortSignal): Promise<void>;
  send(message: Serializable): void;
}

export interface Processes {
  start(spec: ProcessSpec): Promise<RunningProcess>;
  /** The last lines that the process wrote, for errors. */
  tail(name: string): Promise<string>;
}

/**
 * Starts processes, each in a group of its own (a Ctrl-C in the terminal reaches only the harness, which then
 * stops the others in order), logs them to `logs/<name>.log`, and enters them in the ledger.
 */
export async function openProcesses(
  runDir: string,
  runId: string,
  record: (source: string, body: EventBody) => void,
  expected: (name: string) => boolean,
): Promise<Processes> {
  const ledger = join(runDir, ledgerName);
  const enter = (entry: LedgerEntry) => {
    const fd = openSync(ledger, "a");
    try {
      appendFileSync(fd, `${JSON.stringify(entry)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  };
  enter({ name: "harness", identity: (await processStat(process.pid)).identity });
  const logOf = (name: string) => join(runDir, "logs", `${name}.log`);

  return {
    async start(spec) {
      const log = openSync(logOf(spec.name), "a");
      const [program, ...args] = spec.command;
      const child = spawn(program, args, {
        cwd: spec.cwd,
        env: { ...spec.env, BREAKWATER_RUN: runId },
        detached: true,
        stdio: ["ignore", spec.stdout ?? log, log, ...(spec.ipc ? (["ipc"] as const) : [])],
      });
      closeSync(log);
      const failure = new Promise<never>((_, reject) => {
        child.once("error", (cause) =>
          reject(
            new BreakwaterError(
              "HARNESS_ERROR",
              "PROCESS_NOT_STARTED",
              `Cannot start "${spec.name}" (${spec.command.join(" ")}): ${cause.message}`,
              { cause },
            ),
          ),
        );
      });
      await Promise.race([once(child, "spawn"), failure]);
      failure.catch(() => {});
      const pid = child.pid ?? 0;
      const { identity } = await processStat(pid);
      enter({ name: spec.name, identity: identity === "" ? `${pid}@0` : identity });
      record("substrate", { type: "process-started", process: spec.name, pid });
      const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
        const ended = (code: number | null, signal: string | null) => {
          record("substrate", {
            type: "process-exited",
            process: spec.name,
            pid,
            code,
            signal,
            expected: spec.ends === true || expected(spec.name),
          });
          resolve({ code, signal });
        };
        if (child.exitCode !== null || child.signalCode !== null) ended(child.exitCode, child.signalCode);
        else child.once("exit", ended);
      });
      return {
        name: spec.name,
        pid,
        identity,
        child,
        exited,
        signal: (signal) => signalGroup(pid, signal),
        async stop(graceMs, hurry) {
          if (child.exitCode === null && child.signalCode === null) {
            // A stopped process takes no SIGTERM until it goes on.
            signalGroup(pid, "SIGCONT");
            signalGroup(pid, "SIGTERM");
            const done = new AbortController();
            const signal = AbortSignal.any([done.signal, hurry]);
            await Promise.race([exited, delay(graceMs, undefined, { signal }).catch(() => {})]);
            done.abort();
          }
          signalGroup(pid, "SIGKILL");
          await exited;
        },
        send: (message) => void child.send(message, () => {}),
      };
    },

    async tail(name) {
      const file = await open(logOf(name)).catch(() => undefined);
      if (file === undefined) return "";
      try {
        const { size } = await file.stat();
        const bytes = Math.min(size, 4096);
        const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, size - bytes);
        return buffer.toString("utf8").trimEnd().split("\n").slice(-8).join("\n");
      } finally {
        await file.close();
      }
    },
  };
}

/** Signals a process and all that it has started; nothing happens when they are gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nothing of it is left.
  }
}

/** The harness's own environment, with its own Node first on the path: `node` in a command is that one. */
export function environment(): Record<string, string> {
  const inherited = Object.entries(process.env).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value]],
  );
  return {
    ...Object.fromEntries(inherited),
    PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
  };
}
