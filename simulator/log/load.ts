import { keepColumns, keptColumns, type ReadLog, sourceOf } from "./columns-file.ts";
import { type ReadOptions, readLog } from "./read.ts";

/** To be raised with every change to what a log is read as: columns of another version are not taken. */
const parserVersion = 7;

export interface LoadOptions extends ReadOptions {
  /** Whether to keep the columns in a file beside the log, and to take them from there when they still fit. */
  readonly keep: boolean;
}

/**
 * The log's columns: those kept beside it if the log has not changed since, else read from the log itself.
 *
 * @throws LogError as readLog
 */
export async function loadLog(path: string, options: LoadOptions): Promise<ReadLog & { kept: boolean }> {
  // Kept columns have no texts to embed.
  if (!options.keep || options.requests !== undefined)
    return { ...(await readLog(path, options)), kept: false };
  const { format, columns, mostMalformedShare, keepUncacheable } = options;
  const readAs = JSON.stringify([
    ...[parserVersion, format ?? null, columns ?? null, mostMalformedShare ?? null],
    keepUncacheable ?? false,
  ]);
  const kept = await keptColumns(path, readAs);
  if (kept !== undefined) return { ...kept, kept: true };
  const source = await sourceOf(path).catch(() => undefined);
  const read = await readLog(path, options);
  // Where nothing can be written beside the log, it is read each time.
  if (source !== undefined) await keepColumns(path, source, readAs, read).catch(() => undefined);
  return { ...read, kept: false };
}
