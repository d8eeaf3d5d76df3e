import { closeSync, openSync, writeSync } from "node:fs";
import { BreakwaterError, reasonOf } from "../errors.ts";

/** A file that only grows. Each append is with the operating system when it returns, so it survives a kill of this process. */
export interface AppendFile {
  /** Never throws: after the first failure nothing more is written, and `broken` has told. */
  append(text: string): void;
  /** Rejects once, with the first write that failed; else stays pending. */
  readonly broken: Promise<never>;
  /** @throws BreakwaterError JOURNAL_UNWRITABLE, the first failure if there was one */
  close(): void;
}

/** @throws BreakwaterError JOURNAL_UNWRITABLE */
export function openAppendFile(path: string): AppendFile {
  let failure: BreakwaterError | undefined;
  const { promise: broken, reject } = Promise.withResolvers<never>();
  // Whoever needs to know awaits it or closes the file; nobody doing so yet must not end the process.
  broken.catch(() => {});
  const descriptor = attempt(path, () => openSync(path, "a"));
  let open = true;

  return {
    broken,
    append(text) {
      if (failure !== undefined || !open) return;
      try {
        attempt(path, () => writeAll(descriptor, Buffer.from(text)));
      } catch (error) {
        failure = error instanceof BreakwaterError ? error : unwritable(path, error);
        reject(failure);
      }
    },
    close() {
      if (open) {
        open = false;
        attempt(path, () => closeSync(descriptor));
      }
      if (failure !== undefined) throw failure;
    },
  };
}

function writeAll(descriptor: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(descriptor, bytes, written);
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, cause: unknown): BreakwaterError {
  return new BreakwaterError(
    "HARNESS_ERROR",
    "JOURNAL_UNWRITABLE",
    `Cannot write "${path}": ${reasonOf(cause)}`,
    {
      cause,
      hint: "Free space on the disk, or name another folder with --run-dir.",
    },
  );
}
