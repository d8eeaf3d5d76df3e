import type { Extent, Knowledge, News } from "./marks.ts";

/** What all processes share of the invalidations. Every method rejects when it cannot be reached. */
export interface MarkStore {
  /** The marks above `since`: all of them where that is 0. `seq` is 0 where the store has nothing at all. */
  since(since: number): Promise<Knowledge & { readonly upToSince: Extent }>;
  /** Where the store has nothing at all: makes everything invalid that was stored until now. */
  begin(epoch: number): Promise<void>;
  /** Invalidates, and tells all who listen. Resolves with undefined where the store has nothing at all. */
  mark(scopes: readonly string[], epoch: number): Promise<News | undefined>;
  /** Puts back what the store has lost: under a new number, so that nobody misses it, whatever they know. */
  restore(lost: Knowledge): Promise<void>;
}
