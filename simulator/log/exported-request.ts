import { csvReader, delimiterOf } from "./csv.ts";
import type { LogReader } from "./format.ts";
import { jsonLinesReader, jsonReader, type RecordHandler } from "./json/records.ts";
import { firstLine } from "./lines.ts";
import type { LogBuilder } from "./log-builder.ts";
import { answeredFromCache, type Problems } from "./problems.ts";
import { RequestRows, tokensPerTextBlock } from "./request-rows.ts";
import type { Usage } from "./usage.ts";

const tooDeep = "is nested too deep";
/** Far more than any request has, and far less than what exhausts the stack. */
const mostLevels = 500;

/** One request as an observability tool exports it. */
export interface ExportedRequest {
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly tenant: string;
  readonly model: string;
  /** Who asked: a user, else a session. Undefined: the export does not say. */
  readonly client: string | undefined;
  /** Parsed JSON or a text: all that decides the answer. Undefined: the export has no bodies. */
  readonly request: unknown;
  /** The tool's own hash of the request, for when it exported no bodies. */
  readonly requestHash: string | undefined;
  readonly usage: Usage | undefined;
  /** NaN: unknown. */
  readonly latencyMs: number;
  /** Whether a cache gave the answer: then the latency says nothing of the provider's. */
  readonly cacheHit?: boolean;
  readonly answerBytes: number;
}

/** Makes a request of a record, or says why it is none to replay. */
type RequestOf = (record: Readonly<Record<string, unknown>>) => ExportedRequest | string;

/**
 * Reads an export as JSON (lines, or one array) or as CSV with a header, whichever it is.
 */
export function exportReader(builder: LogBuilder, problems: Problems, requestOf: RequestOf): LogReader {
  const handle = recordHandler(builder, problems, requestOf);
  let reader: LogReader | undefined;
  return {
    read(block) {
      reader ??= startsAsJson(block.bytes, block.from, block.to)
        ? jsonReader(problems, handle)
        : csvRecordReader(problems, handle);
      return reader.read(block);
    },
  };
}

/** As exportReader, for JSON lines alone: each can be read without the others. */
export function exportLinesReader(builder: LogBuilder, problems: Problems, requestOf: RequestOf): LogReader {
  return jsonLinesReader(problems, recordHandler(builder, problems, requestOf));
}

function recordHandler(builder: LogBuilder, problems: Problems, requestOf: RequestOf): RecordHandler {
  const rows = new RequestRows(builder);
  builder.tokensPerBlock = tokensPerTextBlock;
  return (record) => {
    if (isTooDeep(record)) {
      problems.reject(tooDeep);
      return;
    }
    const request = requestOf(record);
    if (typeof request === "string") problems.note(request);
    else addRequest(builder, problems, rows, request);
  };
}

function addRequest(
  builder: LogBuilder,
  problems: Problems,
  rows: RequestRows,
  request: ExportedRequest,
): void {
  const row = builder.start();
  const tenant = builder.tenants.idOfText(request.tenant);
  row.model = builder.models.idOfText(request.model);
  row.tenant = tenant;
  if (request.client !== undefined) row.client = rows.clientOf(tenant, request.client);
  row.timeMs = request.timeMs;
  if (Number.isNaN(request.timeMs)) problems.note("time that is none: taken for that of the request before");
  row.latencyMs = problems.latency(request.latencyMs);
  if (request.cacheHit === true) {
    problems.note(answeredFromCache);
    row.latencyMs = Number.NaN;
  }
  row.bytes = request.answerBytes;
  row.promptTokens = request.usage?.prompt ?? 0;
  row.outputTokens = request.usage?.output ?? 0;
  row.cachedTokens = request.usage?.cached ?? 0;
  row.cacheWriteTokens = request.usage?.cacheWrite ?? 0;
  if (request.request !== undefined) {
    rows.identify(row, tenant, row.model, request.request);
    for (const block of rows.blocksOf(row.model, request.request)) builder.addBlockId(block);
  } else if (request.requestHash !== undefined) {
    rows.identifyByName(row, tenant, row.model, request.requestHash);
  } else {
    problems.note("request without a body: taken for different from all others");
    row.key = builder.keyOfItsOwn();
  }
  builder.add();
}

/** CSV whose header names the fields; what looks like a JSON object or array in a field is parsed. */
function csvRecordReader(problems: Problems, handle: RecordHandler): LogReader {
  let header: readonly string[] | undefined;
  let reader: LogReader | undefined;
  return {
    read(block) {
      reader ??= csvReader(problems, delimiterOf(firstLine(block)), (fields) => {
        if (header === undefined) {
          problems.records--;
          header = fields;
        } else if (fields.length !== header.length) {
          problems.reject(`has ${fields.length} fields, and the header ${header.length}`);
        } else {
          const names = header;
          handle(Object.fromEntries(fields.map((field, i) => [names[i] ?? "", field])));
        }
      });
      return reader.read(block);
    },
  };
}

function startsAsJson(bytes: Uint8Array, from: number, to: number): boolean {
  const first = bytes.subarray(from, to).find((byte) => byte > 0x20 && byte < 0x80);
  return first === 0x7b || first === 0x5b;
}

/** JSON in a text, where an export has put it there; else the value itself. */
export function unwrapped(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{"]/.test(value)) return value;
  try {
    const parsed: unknown = JSON.parse(value);
    // Kept as the text that it is: it identifies the request as well.
    return isTooDeep(parsed) ? value : parsed;
  } catch {
    return value;
  }
}

/** Without recursion, which is what such a value would exhaust. */
function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) return true;
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
  }
  return false;
}

/** The UTF-8 size of an answer as a cache would store it. */
export function sizeOf(answer: unknown): number {
  if (answer === undefined || answer === null || answer === "") return 0;
  return Buffer.byteLength(typeof answer === "string" ? answer : JSON.stringify(answer));
}

/** The value where it is a text that says something, else undefined. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The first of a record's fields that is a text that says something. */
export function firstTextOf(
  record: Readonly<Record<string, unknown>>,
  names: readonly string[],
): string | undefined {
  for (const name of names) {
    const text = textOf(record[name]);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** Undefined for null, "", {} and []: exports write these for bodies that they do not have. */
export function bodyOf(value: unknown): unknown {
  const body = unwrapped(value);
  if (body === null || body === "" || body === undefined) return undefined;
  return typeof body === "object" && Object.keys(body).length === 0 ? undefined : body;
}
