import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { threadEnvironment } from "../thread-environment.ts";
import { shareArrays } from "./share-arrays.ts";

/**
 * Work that can be sent to another thread: the function stays where it is, and the thread imports the module
 * that holds it. Jobs, input and results must survive a structured clone.
 */
export interface JobKind<Input, Job, Result> {
  /** `import.meta.url` of the module that exports this object. */
  readonly module: string;
  /** The name of that export. */
  readonly name: string;
  run(input: Input, job: Job): Result;
}

export interface SweepOptions<Result> {
  /** Threads; 0 runs the jobs here, one after another. Default: one for each core. */
  readonly workers?: number;
  /** Told of each result as it comes, in no order. */
  readonly onResult?: (index: number, result: Result) => void;
  readonly signal?: AbortSignal;
}

/** What a thread says: it asks for the next job by telling the result of the last. */
export type FromWorker<Result> =
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly index: number; readonly result: Result };

export type ToWorker<Job> = { readonly index: number; readonly job: Job };

// The compiled package has .js beside this file: tsc rewrites imports, not this.
const workerFile = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/**
 * Runs every job on the same input, on several threads that take the next job as they finish one. The input's typed
 * arrays are shared, not copied for each thread: once copied into shared memory where they are not in it yet.
 *
 * @returns the results in the order of the jobs
 * @throws what the first failing job threw, or the reason of `signal`; all threads are stopped by then
 */
export async function runSweep<Input, Job, Result>(
  kind: JobKind<Input, Job, Result>,
  jobs: readonly Job[],
  input: Input,
  options: SweepOptions<Result> = {},
): Promise<Result[]> {
  const { workers = availableParallelism(), onResult, signal } = options;
  signal?.throwIfAborted();
  if (workers === 0) {
    return jobs.map((job, index) => {
      const result = kind.run(input, job);
      onResult?.(index, result);
      return result;
    });
  }
  const results = new Array<Result>(jobs.length);
  const workerData = { module: kind.module, name: kind.name, input: shareArrays(input) };
  const threads = Array.from(
    { length: Math.min(workers, jobs.length) },
    () => new Worker(workerFile, { workerData, env: threadEnvironment() }),
  );
  const over = new AbortController();
  let next = 0;

  function work(thread: Worker): Promise<void> {
    return new Promise((resolve, reject) => {
      thread.on("message", (message: FromWorker<Result>) => {
        if (message.type === "done") {
          results[message.index] = message.result;
          onResult?.(message.index, message.result);
        }
        const job = jobs[next];
        if (job === undefined) return resolve();
        const order: ToWorker<Job> = { index: next++, job };
        thread.postMessage(order);
      });
      thread.on("error", reject);
      thread.on("exit", (code) => reject(new Error(`A sweep's thread ended early, with code ${code}`)));
      signal?.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
    });
  }

  try {
    await Promise.all(threads.map(work));
  } finally {
    over.abort();
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
  return results;
}
