import type { Block, LogReader } from "./format.ts";
import type { Problems } from "./problems.ts";

/** Reads a text log a line at a time. `handle` gets the line without its line feed; empty lines are passed over. */
export function lineReader(
  problems: Problems,
  handle: (bytes: Uint8Array, view: DataView, from: number, to: number) => void,
): LogReader {
  return {
    read(block) {
      const { bytes, view } = block;
      const end = endOfLines(block);
      for (let at = block.from; at < end; ) {
        const lineFeed = bytes.indexOf(0x0a, at);
        let to = lineFeed;
        while (to > at && isSpace(bytes[to - 1] ?? 0)) to--;
        problems.line++;
        if (to > at) {
          problems.records++;
          handle(bytes, view, at, to);
        }
        at = lineFeed + 1;
      }
      return Math.min(end, block.to);
    },
  };
}

/** Just after the last line feed of the block. At the log's end a missing one is added, after `to`. */
export function endOfLines({ bytes, from, to, last }: Block): number {
  if (last) {
    if (to === from || bytes[to - 1] === 0x0a) return to;
    bytes[to] = 0x0a;
    return to + 1;
  }
  return Math.max(bytes.subarray(from, to).lastIndexOf(0x0a) + 1 + from, from);
}

export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0d || byte === 0x09;
}

/** The first line of a block, as text. */
export function firstLine({ bytes, from, to }: Block): string {
  const lineFeed = bytes.subarray(0, to).indexOf(0x0a, from);
  return Buffer.from(bytes.subarray(from, lineFeed < 0 ? to : lineFeed)).toString("utf8");
}
