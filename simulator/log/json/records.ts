import type { Block, LogReader } from "../format.ts";
import { lineReader } from "../lines.ts";
import type { Problems } from "../problems.ts";
import { isRecord } from "../usage.ts";

export type RecordHandler = (record: Readonly<Record<string, unknown>>) => void;

/** Reads JSON objects: one a line, or the elements of one array over the whole log, however it is laid out. */
export function jsonReader(problems: Problems, handle: RecordHandler): LogReader {
  const lines = jsonLinesReader(problems, handle);
  let reader: LogReader | undefined;
  return {
    read(block) {
      reader ??= firstByte(block) === 0x5b ? arrayReader(problems, handle) : lines;
      return reader.read(block);
    },
  };
}

/** Reads JSON objects, one a line. */
export function jsonLinesReader(problems: Problems, handle: RecordHandler): LogReader {
  return lineReader(problems, (bytes, _view, from, to) => parse(problems, bytes, from, to, handle));
}

function firstByte({ bytes, from, to }: Block): number | undefined {
  return bytes.subarray(from, to).find((byte) => byte > 0x20);
}

function parse(problems: Problems, bytes: Uint8Array, from: number, to: number, handle: RecordHandler): void {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.subarray(from, to)).toString("utf8"));
  } catch {
    // JSON.parse's message quotes the text, and no text leaves this function.
    problems.reject("is not JSON");
    return;
  }
  if (isRecord(value)) handle(value);
  else problems.reject("is not a JSON object");
}

/** Finds the elements by their braces; strings are passed over. */
function arrayReader(problems: Problems, handle: RecordHandler): LogReader {
  problems.line = 1;
  return {
    read({ bytes, from, to, last }) {
      let at = from;
      for (;;) {
        // Between elements: brackets, commas and space.
        for (; at < to && bytes[at] !== 0x7b; at++) if (bytes[at] === 0x0a) problems.line++;
        if (at >= to) return to;
        const end = objectEnd(bytes, at, to);
        if (end < 0) {
          if (!last) return at;
          problems.records++;
          problems.reject("does not end");
          return to;
        }
        problems.records++;
        parse(problems, bytes, at, end, handle);
        for (; at < end; at++) if (bytes[at] === 0x0a) problems.line++;
      }
    },
  };
}

/** Just after the brace that closes the one at `from`, or -1. */
function objectEnd(bytes: Uint8Array, from: number, to: number): number {
  let depth = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === 0x7b) depth++;
    else if (byte === 0x7d && --depth === 0) return at + 1;
    else if (byte === 0x22) {
      for (at++; at < to && bytes[at] !== 0x22; at++) if (bytes[at] === 0x5c) at++;
    }
  }
  return -1;
}
