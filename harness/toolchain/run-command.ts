import { spawn } from "node:child_process";

export interface CommandOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly timeoutMs: number;
}

/** Compilers and package managers remove their temporary files on SIGINT; this is the time they get for it. */
const graceMs = 2_000;
const keptBytes = 1_000_000;
const quotedLines = 3;

/**
 * Runs a program to its end, in a process group of its own, so that an abort reaches its children too.
 * @returns what it wrote to stdout
 * @throws signal.reason on abort; an Error when it cannot be started, takes longer than `timeoutMs` or
 *   exits with another code than 0, with the last lines that it wrote to stderr
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(command, args, {
      env: options.env,
      cwd: options.cwd,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { pid } = child;
    let stdout = "";
    let stderr = "";
    let stoppedBecause: unknown;
    let kill: NodeJS.Timeout | undefined;

    const stop = (reason: unknown) => {
      if (stoppedBecause !== undefined) return;
      stoppedBecause = reason;
      signalGroup(pid, "SIGINT");
      kill = setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs);
    };
    const onAbort = () => stop(signal.reason);
    const deadline = setTimeout(
      () => stop(new Error(`"${command}" took longer than ${options.timeoutMs / 1_000} s`)),
      options.timeoutMs,
    );
    const release = () => {
      clearTimeout(deadline);
      clearTimeout(kill);
      signal.removeEventListener("abort", onAbort);
    };
    signal.addEventListener("abort", onAbort);

    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout = (stdout + text).slice(-keptBytes);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-keptBytes);
    });
    child.on("error", (error) => {
      release();
      reject(error);
    });
    child.on("close", (code, signalName) => {
      release();
      if (stoppedBecause !== undefined) {
        // Its children may have closed their outputs and stayed.
        signalGroup(pid, "SIGKILL");
        reject(stoppedBecause);
      } else if (code === 0) {
        resolve(stdout);
      } else {
        const lastLines = (stderr || stdout).trim().split("\n").slice(-quotedLines).join(" / ");
        reject(new Error(`"${[command, ...args].join(" ")}" ended with ${signalName ?? code}: ${lastLines}`));
      }
    });
  });
}

function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // The whole group is gone already.
  }
}
