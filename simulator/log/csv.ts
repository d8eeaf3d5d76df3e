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
        const firstLineFeed = bytes.indexOf(0x0a, at);
        let lineFeed = firstLineFeed;
        let lines = 1;
        let quotes = quotesIn(bytes, at, lineFeed);
        while (quotes % 2 === 1) {
          const next = bytes.subarray(0, end).indexOf(0x0a, lineFeed + 1);
          if (next < 0 || next - at > mostRecordBytes) break;
          quotes += quotesIn(bytes, lineFeed + 1, next);
          lineFeed = next;
          lines++;
        }
        if (quotes % 2 === 1 && !block.last && end - at <= mostRecordBytes) return at;
        problems.line++;
        if (quotes % 2 === 1) {
          // Only the line with the stray quote is lost.
          problems.records++;
          problems.reject("has a quote that is not closed");
          at = firstLineFeed + 1;
          continue;
        }
        const text = textOf(bytes, at, lineFeed);
        if (text !== "") {
          problems.records++;
          handle(fieldsOf(text, delimiter));
        }
        problems.line += lines - 1;
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

function quotesIn(bytes: Uint8Array, from: number, to: number): number {
  let quotes = 0;
  for (let at = from; at < to; at++) if (bytes[at] === 0x22) quotes++;
  return quotes;
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
