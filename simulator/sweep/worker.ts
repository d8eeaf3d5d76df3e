import { parentPort, workerData } from "node:worker_threads";
import type { FromWorker, JobKind, ToWorker } from "./run-sweep.ts";

/** One thread of a sweep: imports the kind of job, then does what it is sent. What throws here ends the sweep. */
const { module, name, input }: { module: string; name: string; input: unknown } = workerData;
const exports: Record<string, JobKind<unknown, unknown, unknown> | undefined> = await import(module);
const kind = exports[name];
if (kind === undefined) throw new Error(`Cannot run a sweep: module "${module}" exports no "${name}"`);

function say(message: FromWorker<unknown>): void {
  parentPort?.postMessage(message);
}

parentPort?.on("message", ({ index, job }: ToWorker<unknown>) => {
  say({ type: "done", index, result: kind.run(input, job) });
});
say({ type: "ready" });
