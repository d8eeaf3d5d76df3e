import type { FormatName } from "../catalog.ts";
import type { Part } from "./part.ts";

/** What each thread is started with. */
export interface ThreadData {
  readonly format: FormatName;
  readonly keepUncacheable: boolean;
}

/** Whole lines of the log. The memory goes to the thread, and comes back with the part. */
export interface ToThread {
  readonly buffer: ArrayBuffer;
  readonly from: number;
  readonly to: number;
}

export type FromThread =
  | { readonly type: "part"; readonly part: Part; readonly buffer: ArrayBuffer }
  /** A line needs what other threads have read: one thread must read the log. */
  | { readonly type: "looks-back" };
