import type { LogReader } from "./format.ts";

/** Readers look past the end of what they are given. */
export const padding = 16;

/** Part of a log's content, in memory that has `padding` bytes more. */
export interface Content {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly from: number;
  readonly to: number;
  /** Whether the log ends at `to`. */
  readonly last: boolean;
}

/** Who reads a log's content into rows: this thread, or several. */
export interface WayToRead extends AsyncDisposable {
  /**
   * Reads the whole records. What is left of the last one stands at the beginning of the bytes returned, with which to go
   * on; they may be others. With the last content all is read when the promise is fulfilled.
   */
  read(content: Content): Promise<{ bytes: Uint8Array<ArrayBuffer>; filled: number }>;
}

export function oneThread(reader: LogReader): WayToRead {
  return {
    async read({ bytes, from, to, last }) {
      const view = new DataView(bytes.buffer);
      const end = reader.read({ bytes, view, from, to, last });
      bytes.copyWithin(0, end, to);
      return { bytes, filled: to - end };
    },
    async [Symbol.asyncDispose]() {},
  };
}
