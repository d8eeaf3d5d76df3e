import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { RequestLog } from "./log.ts";
import type { ReadReport } from "./read.ts";

/*
 * A log's columns, kept beside it so that it is parsed once: a magic word, the length of a JSON header, the
 * header, and each column's bytes at a multiple of 8. Little-endian, as every machine that Node runs on.
 */
const magic = "BWCOLS01";
const prefixBytes = 16;

const arrays = {
  Uint8Array: (buffer: SharedArrayBuffer) => new Uint8Array(buffer),
  Uint16Array: (buffer: SharedArrayBuffer) => new Uint16Array(buffer),
  Uint32Array: (buffer: SharedArrayBuffer) => new Uint32Array(buffer),
  Int32Array: (buffer: SharedArrayBuffer) => new Int32Array(buffer),
  Float32Array: (buffer: SharedArrayBuffer) => new Float32Array(buffer),
  Float64Array: (buffer: SharedArrayBuffer) => new Float64Array(buffer),
};
type ArrayName = keyof typeof arrays;
type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

interface Header {
  readonly source: Source;
  /** How the log was read: its format and options. Another way of reading it has other columns. */
  readonly readAs: string;
  readonly report: ReadReport;
  readonly scalars: Scalars;
  readonly columns: readonly {
    name: string;
    array: ArrayName;
    bytes: number;
    offset: number;
    crc: number;
  }[];
  readonly fileBytes: number;
}

interface Source {
  readonly bytes: number;
  readonly mtimeMs: number;
}

interface Scalars {
  readonly name: string;
  readonly rows: number;
  readonly keys: number;
  readonly normalisedKeys: number;
  readonly models: readonly string[];
  readonly wallStartMs: number | null;
  readonly blocks: { readonly blocks: number; readonly tokensPerBlock: number } | null;
}

export interface ReadLog {
  readonly log: RequestLog;
  readonly report: ReadReport;
}

export function columnsPath(logPath: string): string {
  return `${logPath}.columns`;
}

/** Size and time of change: what tells whether kept columns are those of the log as it is now. */
export async function sourceOf(logPath: string): Promise<Source> {
  const { size, mtimeMs } = await stat(logPath);
  return { bytes: size, mtimeMs };
}

/**
 * Writes the columns beside the log: under a name of its own first, renamed when whole, so that another reader
 * sees all or nothing. Hashes and counts only; no text of the log but its models' names.
 *
 * @param source taken before the log was read
 */
export async function keepColumns(
  logPath: string,
  source: Source,
  readAs: string,
  read: ReadLog,
): Promise<void> {
  const columns = columnsOf(read.log);
  const crcs = columns.map(([, column]) => crc32(bytesOf(column)));
  const described = (offsets: readonly number[], fileBytes: number): Buffer =>
    Buffer.from(
      JSON.stringify({
        source,
        readAs,
        report: read.report,
        scalars: scalarsOf(read.log),
        columns: columns.map(([name, column], i) => ({
          name,
          array: column.constructor.name,
          bytes: column.byteLength,
          offset: offsets[i],
          crc: crcs[i],
        })),
        fileBytes,
      }),
    );
  // Offsets are as wide in the header as the largest number can be, so their own width moves nothing.
  const widest = columns.map(() => Number.MAX_SAFE_INTEGER);
  let end = alignedTo8(prefixBytes + described(widest, Number.MAX_SAFE_INTEGER).length);
  const offsets = columns.map(([, column]) => {
    const offset = end;
    end = alignedTo8(end + column.byteLength);
    return offset;
  });
  const header = described(offsets, end);
  const prefix = Buffer.alloc(prefixBytes);
  prefix.write(magic, "latin1");
  prefix.writeUInt32LE(header.length, 8);
  prefix.writeUInt32LE(crc32(header), 12);

  const temporary = `${columnsPath(logPath)}.${randomUUID()}.tmp`;
  try {
    await using file = await open(temporary, "wx");
    await writeAt(file, prefix, 0);
    await writeAt(file, header, prefixBytes);
    for (const [i, [, column]] of columns.entries()) await writeAt(file, bytesOf(column), offsets[i] ?? 0);
    await file.truncate(end);
    await file.sync();
    await file.close();
    await rename(temporary, columnsPath(logPath));
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/** The columns kept beside the log, if they are whole, of the log as it is now, and read in this way. */
export async function keptColumns(logPath: string, readAs: string): Promise<ReadLog | undefined> {
  try {
    await using file = await open(columnsPath(logPath), "r");
    const header = await headerOf(file);
    const source = await sourceOf(logPath);
    if (header === undefined || header.readAs !== readAs) return undefined;
    if (header.source.bytes !== source.bytes || header.source.mtimeMs !== source.mtimeMs) return undefined;
    if ((await file.stat()).size !== header.fileBytes) return undefined;
    const columns = new Map<string, Column>();
    for (const column of header.columns) {
      const buffer = new SharedArrayBuffer(column.bytes);
      const bytes = new Uint8Array(buffer);
      if (!(await readAt(file, bytes, column.offset)) || crc32(bytes) !== column.crc) return undefined;
      columns.set(column.name, arrays[column.array](buffer));
    }
    return { log: logOf(header.scalars, columns), report: header.report };
  } catch {
    // Missing, damaged, or of another version: the log itself is read.
    return undefined;
  }
}

async function headerOf(file: FileHandle): Promise<Header | undefined> {
  const prefix = Buffer.alloc(prefixBytes);
  if (!(await readAt(file, prefix, 0)) || prefix.toString("latin1", 0, 8) !== magic) return undefined;
  const length = prefix.readUInt32LE(8);
  if (length > (await file.stat()).size) return undefined;
  const text = Buffer.alloc(length);
  if (!(await readAt(file, text, prefixBytes)) || crc32(text) !== prefix.readUInt32LE(12)) return undefined;
  // The checksum says that this is what `keepColumns` wrote.
  const header: Header = JSON.parse(text.toString("utf8"));
  return header;
}

function columnsOf(log: RequestLog): [string, Column][] {
  const columns: Record<string, unknown> = {
    timeMs: log.timeMs,
    key: log.key,
    keyHash: log.keyHash,
    keyScope: log.keyScope,
    client: log.client,
    // Absent: the same as `key`.
    normalisedKey: log.normalisedKey === log.key ? undefined : log.normalisedKey,
    promptTokens: log.promptTokens,
    outputTokens: log.outputTokens,
    bytes: log.bytes,
    latencyMs: log.latencyMs,
    model: log.model,
    cachedTokens: log.cachedTokens,
    cacheWriteTokens: log.cacheWriteTokens,
    kind: log.kind,
    nearestRow: log.nearest?.row,
    nearestScore: log.nearest?.score,
    blockStart: log.blocks?.start,
    blockIds: log.blocks?.ids,
  };
  return Object.entries(columns).filter((entry): entry is [string, Column] => entry[1] !== undefined);
}

function scalarsOf({ name, rows, keys, normalisedKeys, models, wallStartMs, blocks }: RequestLog): Scalars {
  return {
    name,
    rows,
    keys,
    normalisedKeys,
    models,
    wallStartMs: wallStartMs ?? null,
    blocks: blocks === undefined ? null : { blocks: blocks.blocks, tokensPerBlock: blocks.tokensPerBlock },
  };
}

function logOf(scalars: Scalars, columns: ReadonlyMap<string, Column>): RequestLog {
  const optional = <T extends Column>(name: string, kind: new (length: number) => T): T | undefined => {
    const column = columns.get(name);
    if (column === undefined || column instanceof kind) return column;
    throw new TypeError(`column ${name} is no ${kind.name}`);
  };
  const required = <T extends Column>(name: string, kind: new (length: number) => T): T => {
    const column = optional(name, kind);
    if (column === undefined) throw new TypeError(`column ${name} is missing`);
    return column;
  };
  const key = required("key", Uint32Array);
  const cachedTokens = optional("cachedTokens", Uint32Array);
  const cacheWriteTokens = optional("cacheWriteTokens", Uint32Array);
  const kind = optional("kind", Uint8Array);
  const keyHash = optional("keyHash", Int32Array);
  const keyScope = optional("keyScope", Uint32Array);
  const client = optional("client", Uint32Array);
  const nearestRow = optional("nearestRow", Int32Array);
  return {
    name: scalars.name,
    rows: scalars.rows,
    timeMs: required("timeMs", Float64Array),
    key,
    keys: scalars.keys,
    ...(keyHash === undefined ? {} : { keyHash }),
    ...(keyScope === undefined ? {} : { keyScope }),
    ...(client === undefined ? {} : { client }),
    normalisedKey: optional("normalisedKey", Uint32Array) ?? key,
    normalisedKeys: scalars.normalisedKeys,
    promptTokens: required("promptTokens", Uint32Array),
    outputTokens: required("outputTokens", Uint32Array),
    bytes: required("bytes", Uint32Array),
    latencyMs: required("latencyMs", Float32Array),
    model: required("model", Uint16Array),
    models: scalars.models,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(cacheWriteTokens === undefined ? {} : { cacheWriteTokens }),
    ...(kind === undefined ? {} : { kind }),
    ...(nearestRow === undefined
      ? {}
      : { nearest: { row: nearestRow, score: required("nearestScore", Float32Array) } }),
    ...(scalars.blocks === null
      ? {}
      : {
          blocks: {
            start: required("blockStart", Uint32Array),
            ids: required("blockIds", Uint32Array),
            ...scalars.blocks,
          },
        }),
    wallStartMs: scalars.wallStartMs ?? undefined,
  };
}

function bytesOf(column: Column): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

function alignedTo8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** One call to the system moves at most 2 GiB. */
const mostIoBytes = 1 << 30;

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(mostIoBytes, bytes.length - at);
    at += (await file.write(bytes, at, length, position + at)).bytesWritten;
  }
}

async function readAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(mostIoBytes, bytes.length - at);
    const { bytesRead } = await file.read(bytes, at, length, position + at);
    if (bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
}
