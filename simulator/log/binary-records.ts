import type { LogReader } from "./format.ts";
import type { Problems } from "./problems.ts";

/** Reads records of one size. What is left over at the end is one malformed record. */
export function binaryReader(
  problems: Problems,
  recordBytes: number,
  handle: (view: DataView, at: number) => void,
): LogReader {
  return {
    read({ view, from, to, last }) {
      let at = from;
      for (; at + recordBytes <= to; at += recordBytes) {
        problems.line++;
        problems.records++;
        handle(view, at);
      }
      if (!last || at === to) return at;
      problems.line++;
      problems.records++;
      problems.reject(`is cut off after ${to - at} of ${recordBytes} bytes`);
      return to;
    },
  };
}
