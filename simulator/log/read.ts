import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { InputError } from "../input-error.ts";
import { type FormatName, formats } from "./catalog.ts";
import { delimiterOf, fieldsOf } from "./csv.ts";
import type { ColumnMap, Format, Head, LogReader } from "./format.ts";
import { guessFormat, headOf } from "./guess.ts";
import type { RequestLog } from "./log.ts";
import { LogBuilder } from "./log-builder.ts";
import { LogError } from "./log-error.ts";
import { LogFile } from "./log-file.ts";
import { LooksBack } from "./looks-back.ts";
import { LineThreads } from "./parallel/line-threads.ts";
import { Problems, tellExamples } from "./problems.ts";
import { oneThread, padding } from "./way-to-read.ts";

export interface ReadOptions {
  /** Missing: guessed from the log's beginning. */
  readonly format?: FormatName;
  /** For `csv`, which it says that the log is. */
  readonly columns?: ColumnMap;
  /** Whether rows are kept of which the log says that their answers may not be stored. */
  readonly keepUncacheable?: boolean;
  /** The largest share of malformed lines that is let pass. */
  readonly mostMalformedShare?: number;
  /** Threads that read a large log of JSON lines; 0 and 1: none but this one. Default: one for each core. */
  readonly threads?: number;
  /** Logs of fewer bytes, as they lie on disk, are read by this thread alone: others take a while to start. */
  readonly threadsFromBytes?: number;
  /** Shown each request with a text when it comes for the first time; the next ones wait until that is dealt with. */
  readonly requests?: RequestSink;
  /** Called about once for every few megabytes. */
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** Where the texts of a log go that are wanted for more than their hash: to an embedder. */
export interface RequestSink {
  /** A request (parsed JSON, or a text) by its key, as it is first seen. */
  add(key: number, request: unknown): void;
  /** Done with all that was added. */
  flush(): Promise<void>;
}

export interface Progress {
  /** Of the file as it is, compressed or not. */
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly rows: number;
}

/** What a user is told of how their log was read. */
export interface ReadReport {
  readonly format: FormatName;
  /** Whether the format was guessed. */
  readonly guessed: boolean;
  /** Lines, or records of a binary format. */
  readonly records: number;
  readonly malformed: number;
  /** The first malformed lines by number, and why; nothing is quoted from them. */
  readonly malformedExamples: readonly { readonly line: number; readonly reason: string }[];
  /** Of the requests: those whose answers the log's own rule lets into a cache. */
  readonly ruled: number;
  /** Well-formed records that are no request to replay, or only in part, by why. */
  readonly notes: Readonly<Record<string, number>>;
  /** Of CSV: which column was read as which field, by name, or by position where there is no header. */
  readonly columns?: ColumnMap;
}

const defaultMostMalformedShare = 0.01;

const headBytes = 64 * 1024;
const workBytes = 4 * 1024 * 1024;
const mostRecordBytes = 256 * 1024 * 1024;

/**
 * Reads a log into columns, in memory that grows with its rows and not with its texts.
 *
 * @throws LogError NO_SUCH_LOG, UNREADABLE, UNKNOWN_FORMAT, TOO_MANY_MALFORMED, EMPTY_LOG, BAD_COLUMN_MAP
 */
export async function readLog(
  path: string,
  options: ReadOptions = {},
): Promise<{ log: RequestLog; report: ReadReport }> {
  try {
    return await readOnce(path, options);
  } catch (thrown) {
    if (!(thrown instanceof LooksBack)) throw thrown;
    return await readOnce(path, { ...options, threads: 1 });
  }
}

async function readOnce(
  path: string,
  options: ReadOptions,
): Promise<{ log: RequestLog; report: ReadReport }> {
  await using file = await LogFile.open(path);
  const { requests } = options;
  const builder = new LogBuilder(
    requests === undefined ? {} : { onNewRequest: (key, request) => requests.add(key, request) },
  );
  const problems = new Problems();
  let bytes = new Uint8Array(workBytes + padding);
  let filled = 0;
  let last = false;

  const fill = async (): Promise<void> => {
    while (!last && filled + padding < bytes.length) {
      options.signal?.throwIfAborted();
      const count = await file.read(bytes, filled, bytes.length - padding);
      filled += count;
      last = count === 0;
    }
  };

  let format: FormatName;
  let reader: LogReader;
  try {
    await fill();
    const head = bytes.subarray(0, headEnd(bytes, filled));
    format =
      options.format ??
      (options.columns === undefined ? guess(path, head, last && filled <= headBytes) : "csv");
    let from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    reader = formats[format].open(builder, problems, options);
    await using way = byThreads(format, file, bytes.subarray(from, filled), options)
      ? new LineThreads(threadsOf(options), format, options, builder, problems)
      : oneThread(reader);
    for (;;) {
      const next = await way.read({ bytes, from, to: filled, last });
      await options.requests?.flush();
      options.onProgress?.({ bytesRead: file.bytesRead, bytesTotal: file.bytesTotal, rows: builder.rows });
      if (last) break;
      from = 0;
      ({ bytes, filled } = next);
      if (filled + padding === bytes.length) {
        // Not one whole record in all this.
        if (filled >= mostRecordBytes) throw recordTooLong(path, problems.line + 1);
        const larger = new Uint8Array(2 * (bytes.length - padding) + padding);
        larger.set(bytes);
        bytes = larger;
      }
      await fill();
    }
    options.onProgress?.({ bytesRead: file.bytesRead, bytesTotal: file.bytesTotal, rows: builder.rows });
  } catch (thrown) {
    if (isKnown(thrown) || options.signal?.aborted) throw thrown;
    throw new LogError("UNREADABLE", `Cannot read log "${path}": ${reasonOf(thrown)}`, { cause: thrown });
  }

  checkShare(path, format, problems, options.mostMalformedShare ?? defaultMostMalformedShare);
  if (builder.rows === 0) {
    throw new LogError("EMPTY_LOG", `Cannot replay log "${path}": as ${format} it holds no requests`, {
      hint: [
        `Records: ${problems.records}.`,
        ...Object.entries(problems.skipped).map(([reason, count]) => `${count} × ${reason}.`),
        `Formats: ${Object.keys(formats).join(", ")}.`,
      ].join(" "),
    });
  }
  const report: ReadReport = {
    format,
    guessed: options.format === undefined && options.columns === undefined,
    records: problems.records,
    malformed: problems.malformed,
    ruled: problems.ruled,
    malformedExamples: problems.examples,
    notes: problems.skipped,
    ...(reader.columns === undefined ? {} : { columns: reader.columns() }),
  };
  return { log: builder.finish(basename(path)), report };
}

function isKnown(thrown: unknown): boolean {
  return thrown instanceof LogError || thrown instanceof LooksBack || thrown instanceof InputError;
}

/** Whether several threads read the log: where it is large, its lines need no others and nobody waits for its texts. */
function byThreads(
  format: FormatName,
  file: LogFile,
  content: Uint8Array,
  { threadsFromBytes = 32 * 1024 * 1024, ...options }: ReadOptions,
): boolean {
  const { openLines }: Format = formats[format];
  const startsWithLine = content.find((byte) => byte > 0x20) === 0x7b;
  return (
    openLines !== undefined &&
    startsWithLine &&
    threadsOf(options) > 1 &&
    file.bytesTotal >= threadsFromBytes &&
    options.requests === undefined
  );
}

function threadsOf({ threads = availableParallelism() }: ReadOptions): number {
  return threads;
}

/** Where the part ends that tells the format: a long first line is in it as a whole. */
function headEnd(bytes: Uint8Array, filled: number): number {
  if (filled <= headBytes) return filled;
  const lineFeed = bytes.subarray(0, filled).indexOf(0x0a);
  return lineFeed < 0 ? filled : Math.max(lineFeed + 1, headBytes);
}

function guess(path: string, head: Uint8Array, whole: boolean): FormatName {
  if (head.length === 0) throw new LogError("EMPTY_LOG", `Cannot replay log "${path}": it is empty`);
  const known = headOf(basename(path), head, whole);
  const format = guessFormat(known);
  if (format !== undefined) return format;
  const name = `name it: --format ${Object.keys(formats).join(" | ")}`;
  throw new LogError("UNKNOWN_FORMAT", `Cannot tell the format of log "${path}" from how it begins`, {
    hint: looksLikeCsv(known)
      ? `It looks like CSV whose columns have other names than the usual ones: say which is what, as in --columns "time=…,model=…,request=…,promptTokens=…,outputTokens=…". Or ${name}`
      : known.firstObject === undefined
        ? `N${name.slice(1)}`
        : `Its lines are JSON objects, with none of "request" (a body, or its hash), "body" and "messages". Fields of each format: docs/simulator-logs.md. Or ${name}`,
  });
}

/** Whether the first lines have one number of fields, and more than one. */
function looksLikeCsv({ lines, firstObject }: Head): boolean {
  const [header = "", ...rows] = lines.slice(0, 5);
  const delimiter = delimiterOf(header);
  const width = fieldsOf(header, delimiter).length;
  return (
    firstObject === undefined &&
    width > 1 &&
    rows.length > 0 &&
    rows.every((row) => fieldsOf(row, delimiter).length === width)
  );
}

function checkShare(path: string, format: FormatName, problems: Problems, most: number): void {
  if (problems.malformed <= most * problems.records) return;
  const share = ((100 * problems.malformed) / problems.records).toFixed(2);
  const examples = tellExamples(problems.examples).join("; ");
  throw new LogError(
    "TOO_MANY_MALFORMED",
    `Cannot trust log "${path}" as ${format}: ${problems.malformed} of ${problems.records} lines (${share}%) are malformed, limit ${100 * most}%`,
    { hint: `${examples}. Is it another format (--format)?` },
  );
}

function recordTooLong(path: string, line: number): LogError {
  const limit = `${mostRecordBytes / 1024 / 1024} MiB`;
  return new LogError(
    "UNREADABLE",
    `Cannot read log "${path}": the record at line ${line} is longer than ${limit}`,
  );
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
