import type { LogBuilder } from "./log-builder.ts";
import type { Problems } from "./problems.ts";

/** One way to write a log. A new one is a new file in formats/ and a line in catalog.ts. */
export interface Format {
  /** What the user is told that the log is. */
  readonly title: string;
  /** Whether a file that begins like this is most likely in this format. */
  matches(head: Head): boolean;
  open(builder: LogBuilder, problems: Problems, options: FormatOptions): LogReader;
  /**
   * For JSON lines that can be read each without the others: several threads then read a large log, each with a reader of
   * its own. Its reader throws LooksBack at a line that does need the others.
   */
  openLines?(builder: LogBuilder, problems: Problems, options: FormatOptions): LogReader;
}

export interface FormatOptions {
  /** For `csv`: which column is what. Missing: guessed from the names in the header. */
  readonly columns?: ColumnMap;
  /** Of `openai`: whether rows whose `rule` says that their answers may not be stored are replayed too. */
  readonly keepUncacheable?: boolean;
}

/** The fields of a row that a CSV column can hold. */
export const csvFields = [
  "time",
  "tenant",
  "client",
  "model",
  "request",
  "promptTokens",
  "cachedTokens",
  "cacheWriteTokens",
  "outputTokens",
  "latencyMs",
  "latencySeconds",
  "bytes",
] as const;
export type CsvField = (typeof csvFields)[number];
/** Column names, or positions from 1 where the file has no header. */
export type ColumnMap = Readonly<Partial<Record<CsvField, string>>>;

/** The beginning of a log, decompressed. */
export interface Head {
  /** The file's name without .gz or .zst. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether `bytes` is all there is. */
  readonly whole: boolean;
  /** Its complete lines; empty where it is not text. */
  readonly lines: readonly string[];
  /** The first JSON object: on the first line, or in an array over the whole file. */
  readonly firstObject: Readonly<Record<string, unknown>> | undefined;
}

/** Bytes of a log. At least 16 more than `to` may be read. */
export interface Block {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly from: number;
  readonly to: number;
  /** Whether the log ends at `to`. */
  readonly last: boolean;
}

export interface LogReader {
  /** Adds the whole records of the block. Returns where the first incomplete one starts: it comes again with more. */
  read(block: Block): number;
  /** Of CSV, once the header is read: which column is what. */
  columns?(): ColumnMap;
}
