import { type ChildProcess, type Serializable, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, closeSync, fsyncSync, openSync } from "node:fs";
import { open, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BreakwaterError, reasonOf } from "../../errors.ts";
import type { EventBody } from "../../journal/event.ts";
import { processStat } from "./proc.ts";

/** The file in the run's folder that names every process started, so that `clean` can find them later. */
export const ledgerName = "processes.ndjson";

/** A line of the ledger. The first line is the harness itself, with the mark that its processes carry. */
export interface LedgerEntry {
  readonly name: string;
  readonly identity: string;
  readonly mark?: string;
}

/** The environment variable that marks what a run has started. */
const markVariable = "BREAKWATER_RUN";

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
  /** Rejects once `stopAll` has begun. */
  start(spec: ProcessSpec): Promise<RunningProcess>;
  /** Whether `stopAll` has begun: from then on every end is expected. */
  ending(): boolean;
  /**
   * Stops all that was started, also what is just being started and what has left its group: SIGTERM, and SIGKILL
   * after `graceMs` or when `hurry` is aborted.
   */
  stopAll(graceMs: number, hurry: AbortSignal): Promise<void>;
  /** The last lines that the process wrote, for errors. */
  tail(name: string): Promise<string>;
}

/**
 * Starts processes, each in a group of its own (a Ctrl-C in the terminal reaches only the harness, which then
 * stops the others in order), logs them to `logs/<name>.log`, enters them in the ledger, and marks them in their
 * environment, by which also their descendants are found.
 *
 * @param expected whether the end of the process of this name is part of a fault
 * @throws BreakwaterError RUN_FOLDER_UNWRITABLE when the ledger cannot be written; also from `start`, after the
 *   process was ended again
 */
export async function openProcesses(
  runDir: string,
  runId: string,
  record: (source: string, body: EventBody) => void,
  expected: (name: string) => boolean,
): Promise<Processes> {
  const mark = `${runId}/${randomUUID()}`;
  const enter = (entry: LedgerEntry) => appendSynced(join(runDir, ledgerName), `${JSON.stringify(entry)}\n`);
  enter({ name: "harness", identity: (await processStat(process.pid)).identity, mark });
  const logOf = (name: string) => join(runDir, "logs", `${name}.log`);
  const all = new Set<RunningProcess>();
  const starting = new Set<Promise<RunningProcess>>();
  let ending = false;

  const start = async (spec: ProcessSpec): Promise<RunningProcess> => {
    const log = openSync(logOf(spec.name), "a");
    const [program, ...args] = spec.command;
    const child = spawn(program, args, {
      cwd: spec.cwd,
      env: { ...spec.env, [markVariable]: mark },
      detached: true,
      stdio: ["ignore", spec.stdout ?? log, log, ...(spec.ipc ? (["ipc"] as const) : [])],
    });
    closeSync(log);
    await spawned(child, spec);
    const pid = child.pid ?? 0;
    // Until the exit event the kernel keeps the pid for us: nobody else can have it.
    const signal = (name: NodeJS.Signals) => {
      if (child.exitCode === null && child.signalCode === null) signalGroup(pid, name);
    };
    try {
      const { identity } = await processStat(pid);
      enter({ name: spec.name, identity: identity === "" ? `${pid}@0` : identity });
      record("substrate", { type: "process-started", process: spec.name, pid });
      const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
        const ended = (code: number | null, by: string | null) => {
          const isExpected = ending || spec.ends === true || expected(spec.name);
          record("substrate", {
            type: "process-exited",
            process: spec.name,
            pid,
            code,
            signal: by,
            expected: isExpected,
          });
          resolve({ code, signal: by });
        };
        if (child.exitCode !== null || child.signalCode !== null) ended(child.exitCode, child.signalCode);
        else child.once("exit", ended);
      });
      const running: RunningProcess = {
        name: spec.name,
        pid,
        identity,
        child,
        exited,
        signal,
        async stop(graceMs, hurry) {
          // A stopped process takes no SIGTERM until it goes on.
          signal("SIGCONT");
          signal("SIGTERM");
          const done = new AbortController();
          const over = AbortSignal.any([done.signal, hurry]);
          await Promise.race([exited, delay(graceMs, undefined, { signal: over }).catch(() => {})]);
          done.abort();
          signal("SIGKILL");
          await exited;
        },
        send: (message) => void child.send(message, () => {}),
      };
      all.add(running);
      return running;
    } catch (thrown) {
      signal("SIGKILL");
      throw thrown;
    }
  };

  return {
    ending: () => ending,
    async start(spec) {
      if (ending) throw new Error(`Cannot start "${spec.name}": all is being stopped`);
      const started = start(spec);
      starting.add(started);
      return await started.finally(() => starting.delete(started));
    },
    async stopAll(graceMs, hurry) {
      ending = true;
      await Promise.allSettled(starting);
      await Promise.all([...all].map((running) => running.stop(graceMs, hurry)));
      for (const pid of await processesMarked(mark)) signalProcess(pid, "SIGKILL");
    },

    async tail(name) {
      const file = await open(logOf(name)).catch(() => undefined);
      if (file === undefined) return "";
      try {
        const { size } = await file.stat();
        const bytes = Math.min(size, 4096);
        const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, size - bytes);
        return buffer.toString("utf8").trimEnd().split("\n").slice(-20).join("\n");
      } finally {
        await file.close();
      }
    },
  };
}

async function spawned(child: ChildProcess, { name, command }: ProcessSpec): Promise<void> {
  try {
    await once(child, "spawn");
  } catch (cause) {
    const message = `Cannot start "${name}" (${command.join(" ")}): ${reasonOf(cause)}`;
    throw new BreakwaterError("HARNESS_ERROR", "PROCESS_NOT_STARTED", message, { cause });
  }
}

function appendSynced(path: string, line: string): void {
  try {
    const fd = openSync(path, "a");
    try {
      appendFileSync(fd, line);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    const message = `Cannot write down in "${path}" what was started: ${reasonOf(cause)}`;
    throw new BreakwaterError("HARNESS_ERROR", "RUN_FOLDER_UNWRITABLE", message, { cause });
  }
}

/** The processes that carry the mark of a run, whatever group or parent they have now. */
export async function processesMarked(mark: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      return environment.split("\0").includes(`${markVariable}=${mark}`);
    }),
  );
  return pids.filter((pid, index) => marked[index] === true && pid !== process.pid);
}

/** Signals a process and all of its group; nothing happens when they are gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid > 1) signalProcess(-pid, signal);
}

/** Nothing happens when it is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
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
