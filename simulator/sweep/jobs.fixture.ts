import { threadId } from "node:worker_threads";
import type { JobKind } from "./run-sweep.ts";

interface Input {
  readonly numbers: Float64Array;
}

/** Says where it ran, and whether the input came in shared memory. */
export const whereRun: JobKind<Input, number, { thread: number; shared: boolean; value: number }> = {
  module: import.meta.url,
  name: "whereRun",
  run({ numbers }, index) {
    return {
      thread: threadId,
      shared: numbers.buffer instanceof SharedArrayBuffer,
      value: numbers[index] ?? -1,
    };
  },
};

export const failing: JobKind<Input, number, number> = {
  module: import.meta.url,
  name: "failing",
  run(_, index) {
    if (index === 3) throw new RangeError("job 3 fails");
    return index;
  },
};

/** Never ends by itself. */
export const endless: JobKind<Input, number, number> = {
  module: import.meta.url,
  name: "endless",
  run() {
    for (;;);
  },
};

export const lost: JobKind<Input, number, number> = { ...failing, name: "no such export" };
