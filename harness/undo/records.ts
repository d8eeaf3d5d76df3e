import { mkdirSync } from "node:fs";
import { open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { BreakwaterError, reasonOf } from "../errors.ts";
import type { Deployment } from "../substrates/substrate.ts";
import type { UndoRecord } from "./undo.ts";

/** The undo records of one run: a folder with a synced file for each fault that may be in force. */
export interface UndoRecords {
  /** On the disk, not merely with the operating system, when it resolves: only then may the fault act. */
  write(record: UndoRecord): Promise<void>;
  /** After healing only. */
  remove(fault: string): Promise<void>;
  all(): Promise<UndoRecord[]>;
}

/** @throws BreakwaterError UNDO_UNWRITABLE, from `write` too */
export function openUndoRecords(folder: string): UndoRecords {
  const fileOf = (fault: string) => join(folder, `${fault}.json`);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw unwritable(folder, cause);
  }
  return {
    async write(record) {
      const file = fileOf(record.fault);
      try {
        const handle = await open(`${file}.new`, "w");
        try {
          await handle.writeFile(`${JSON.stringify(record, undefined, 2)}\n`);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(`${file}.new`, file);
        await syncFolder(folder);
      } catch (cause) {
        throw unwritable(file, cause);
      }
    },
    remove: (fault) => rm(fileOf(fault), { force: true }),
    async all() {
      const files = (await readdir(folder)).filter((file) => file.endsWith(".json")).sort();
      return await Promise.all(
        files.map(
          async (file): Promise<UndoRecord> => JSON.parse(await readFile(join(folder, file), "utf8")),
        ),
      );
    },
  };
}

/** A new name is in the folder, and the folder is a file of its own. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unwritable(path: string, cause: unknown): BreakwaterError {
  return new BreakwaterError(
    "HARNESS_ERROR",
    "UNDO_UNWRITABLE",
    `Cannot write down how to heal in "${path}", so nothing was injected: ${reasonOf(cause)}`,
    {
      cause,
      hint: "free space on the disk, or name another folder with --run-dir",
    },
  );
}

/**
 * The one interpreter of undo records. Every operation is tried, also when one before it fails, and the record
 * is removed only when all were carried out.
 */
export async function heal(
  record: UndoRecord,
  deployment: Pick<Deployment, "perform">,
  records: UndoRecords,
): Promise<void> {
  const results = await Promise.allSettled(
    record.operations.map((operation) => deployment.perform(operation)),
  );
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  await records.remove(record.fault);
}
