import type { LogReader } from "./format.ts";
import { endOfLines } from "./lines.ts";
import type { Problems } from "./problems.ts";

/** A quoted field that runs on longer than this was never closed. */
const mostRecordBytes = 16 * 1024 * 1024;

/** Reads CSV (RFC 4180): quoted fields may hold delimiters, line feeds and doubled quotes. */
export function csvReader(
  problems: Problems,
  delimiter: string,
  handle: (fields: readonly string[]) => void,
): LogReader {
  return {
    read(block) {
      const bytes = block.bytes;
      const end = endOfLines(block);
      let at = block.from;
      while (at < end) {
        const limit = Math.min(end, at + mostRecordBytes);
        const lineFeed = recordEnd(bytes, at, limit, delimiter.charCodeAt(0));
        if (lineFeed === notClosed && limit === end && !block.last) return at;
        problems.line++;
        if (lineFeed < 0) {
          // Only the line with the stray quote is lost.
          problems.records++;
          problems.reject("has a quote that is not closed");
          at = bytes.indexOf(0x0a, at) + 1;
          continue;
        }
        const text = textOf(bytes, at, lineFeed);
        if (text !== "") {
          problems.records++;
          handle(fieldsOf(text, delimiter));
        }
        for (let i = at; i < lineFeed; i++) if (bytes[i] === 0x0a) problems.line++;
        at = lineFeed + 1;
      }
      return Math.min(at, block.to);
    },
  };
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  const end = bytes[to - 1] === 0x0d ? to - 1 : to;
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.max(end - from, 0)).toString("utf8");
}

const notClosed = -1;
const closedTooEarly = -2;

/**
 * The line feed that ends the record. A quote opens a field only at its start, and closes it only at its end.
 * Negative: notClosed up to `end`, or closedTooEarly.
 */
function recordEnd(bytes: Uint8Array, from: number, end: number, delimiter: number): number {
  for (let at = from; at < end; at++) {
    if (bytes[at] === 0x22) {
      for (at++; at < end; at++) {
        if (bytes[at] !== 0x22) continue;
        if (bytes[at + 1] !== 0x22) break;
        at++;
      }
      if (at >= end) return notClosed;
      const next = bytes[++at];
      if (next !== delimiter && next !== 0x0a && next !== 0x0d) return closedTooEarly;
    }
    while (at < end && bytes[at] !== delimiter && bytes[at] !== 0x0a) at++;
    if (bytes[at] === 0x0a && at < end) return at;
  }
  return notClosed;
}

/** The fields of one record. */
export function fieldsOf(text: string, delimiter: string): string[] {
  if (!text.includes('"')) return text.split(delimiter);
  const fields: string[] = [];
  for (let at = 0; ; ) {
    let field: string;
    if (text[at] === '"') {
      let end = at + 1;
      for (; end < text.length; end++) {
        if (text[end] !== '"') continue;
        if (text[end + 1] !== '"') break;
        end++;
      }
      field = text.slice(at + 1, end).replaceAll('""', '"');
      const next = text.indexOf(delimiter, end);
      at = next < 0 ? text.length : next;
    } else {
      const next = text.indexOf(delimiter, at);
      const end = next < 0 ? text.length : next;
      field = text.slice(at, end);
      at = end;
    }
    fields.push(field);
    if (at >= text.length) return fields;
    at += delimiter.length;
  }
}

/** The delimiter that a header uses. */
export function delimiterOf(header: string): string {
  const found = [",", ";", "\t", "|"].map((delimiter) => ({
    delimiter,
    count: header.split(delimiter).length,
  }));
  return found.reduce((best, next) => (next.count > best.count ? next : best)).delimiter;
}
