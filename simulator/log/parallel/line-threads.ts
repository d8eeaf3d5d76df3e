import { Worker } from "node:worker_threads";
import { threadEnvironment } from "../../thread-environment.ts";
import type { FormatName } from "../catalog.ts";
import type { FormatOptions } from "../format.ts";
import type { LogBuilder } from "../log-builder.ts";
import { LooksBack } from "../looks-back.ts";
import type { Problems } from "../problems.ts";
import type { Content, WayToRead } from "../way-to-read.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";
import { type Part, PartMerger } from "./part.ts";

// The compiled package has .js beside this file: tsc rewrites imports, not this.
const threadFile = new URL(import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js", import.meta.url);

interface Thread {
  readonly worker: Worker;
  readonly merger: PartMerger;
  /** The number of the block that it reads; -1: it waits for one. */
  block: number;
}

/**
 * Threads that read blocks of whole lines, each a block at a time. What they made of them is put into the builder in the
 * order of the blocks, so that the log is the same as one thread would have read it.
 */
export class LineThreads implements WayToRead {
  readonly #threads: Thread[];
  readonly #parts = new Map<number, { part: Part; thread: Thread }>();
  readonly #free: ArrayBuffer[] = [];
  #dispatched = 0;
  #merged = 0;
  #failure: unknown;
  #wake = () => {};

  constructor(
    count: number,
    format: FormatName,
    { keepUncacheable = false }: FormatOptions,
    builder: LogBuilder,
    problems: Problems,
  ) {
    const workerData: ThreadData = { format, keepUncacheable };
    this.#threads = Array.from({ length: count }, () => {
      const thread = {
        worker: new Worker(threadFile, { workerData, env: threadEnvironment() }),
        merger: new PartMerger(builder, problems),
        block: -1,
      };
      thread.worker.on("message", (message: FromThread) => this.#told(thread, message));
      thread.worker.on("error", (error) => this.#fail(error));
      return thread;
    });
  }

  /** @throws LooksBack when the log must be read by one thread, and whatever a thread has thrown */
  async read({
    bytes,
    from,
    to,
    last,
  }: Content): Promise<{ bytes: Uint8Array<ArrayBuffer>; filled: number }> {
    const end = last ? to : bytes.subarray(0, to).lastIndexOf(0x0a) + 1;
    if (end <= from) {
      if (last) await this.#until(() => this.#merged === this.#dispatched);
      return { bytes: bytes.copyWithin(0, from, to), filled: to - from };
    }
    const idle = () => this.#threads.find(({ block }) => block < 0);
    await this.#until(() => idle() !== undefined);
    const thread = idle();
    if (thread === undefined) throw new Error("Cannot read on: no thread is there");
    // A buffer of the size of this one, which may have grown for a long line.
    const free = this.#free.pop();
    const next = free !== undefined && free.byteLength >= bytes.length ? free : new ArrayBuffer(bytes.length);
    const nextBytes = new Uint8Array(next);
    nextBytes.set(bytes.subarray(end, to));
    thread.block = this.#dispatched++;
    const order: ToThread = { buffer: bytes.buffer, from, to: end };
    thread.worker.postMessage(order, [order.buffer]);
    if (last) await this.#until(() => this.#merged === this.#dispatched);
    return { bytes: nextBytes, filled: to - end };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  async #until(done: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (done()) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #told(thread: Thread, message: FromThread): void {
    if (message.type === "looks-back") {
      this.#fail(new LooksBack());
      return;
    }
    this.#parts.set(thread.block, { part: message.part, thread });
    this.#free.push(message.buffer);
    thread.block = -1;
    // What waits goes on first: the thread gets its next block before this one's rows are put in.
    this.#wake();
    setImmediate(() => this.#merge());
  }

  #merge(): void {
    try {
      for (let next = this.#parts.get(this.#merged); next !== undefined; ) {
        this.#parts.delete(this.#merged++);
        next.thread.merger.merge(next.part);
        next = this.#parts.get(this.#merged);
      }
    } catch (thrown) {
      this.#failure ??= thrown;
    }
    this.#wake();
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown;
    this.#wake();
  }
}
