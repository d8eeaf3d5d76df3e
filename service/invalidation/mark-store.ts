import type { Knowledge, News } from "./marks.ts";

/** What all processes share of the invalidations. Every method rejects when it cannot be reached. */
export interface MarkStore {
  /**
   * Marks above `since`, whole where that is 0.
   *
   * Where the store has nothing at all, the caller decides what that means. One that knows nothing (`epoch` 0)
   * cannot tell what was lost: it makes everything invalid that was stored until now. Another one is answered
   * `seq` 0, and puts back what it knows.
   */
  since(since: number, epoch: number): Promise<Knowledge & { readonly countUpToSince: number }>;
  /** Invalidates, and tells all who listen. Resolves with undefined where the store has nothing at all. */
  mark(scopes: readonly string[], epoch: number): Promise<News | undefined>;
  /** Puts back what the store has lost: under a new number, so that nobody misses it, whatever they know. */
  restore(lost: Knowledge): Promise<void>;
}
