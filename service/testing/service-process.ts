import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { eventually } from "./redis-cluster.ts";
import { requestFor } from "./service-under-test.ts";

/** The service as a process of its own. Disposing it kills it. */
export interface ServiceProcess extends AsyncDisposable {
  readonly pid: number;
  /** Its log so far, parsed; lines of the access log too, where they go to stdout. */
  readonly log: Record<string, unknown>[];
  /** All that it has written so far, to stdout and stderr. */
  output(): string;
  /** Its exit code and signal. */
  readonly exited: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  kill(signal: NodeJS.Signals): void;
  /** Where it listens, once it is ready. */
  url(): Promise<string>;
}

/** @param env the whole environment; its port is free unless told otherwise */
export function spawnService(env: Readonly<Record<string, string>>): ServiceProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../main.ts")], {
    env: { BW_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log: Record<string, unknown>[] = [];
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (output += String(bytes)));
  createInterface({ input: child.stdout }).on("line", (line) => log.push(JSON.parse(line)));
  const exited = ended(child);
  const killNow = () => void child.kill("SIGKILL");
  process.once("exit", killNow);
  return {
    pid: child.pid ?? 0,
    log,
    output: () => output,
    exited,
    kill: (signal) => void child.kill(signal),
    async url() {
      await eventually(() => child.exitCode !== null || log.some(({ msg }) => msg === "ready"));
      assert.equal(child.exitCode, null, output);
      const { address } = log.find(({ msg }) => msg === "listening") ?? {};
      assert(typeof address === "object" && address !== null && "port" in address);
      return `http://127.0.0.1:${address.port}`;
    },
    async [Symbol.asyncDispose]() {
      killNow();
      await exited;
      process.off("exit", killNow);
    },
  };
}

/** With the streams closed: everything that it wrote has been read. */
async function ended(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  await once(child, "close");
  return [child.exitCode, child.signalCode];
}

/** Asks one question of a service at a URL. */
export function ask(
  url: string,
  question: string,
  { key, ...fields }: { readonly key?: string; readonly [field: string]: unknown } = {},
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ ...requestFor(question), ...fields }),
  });
}
