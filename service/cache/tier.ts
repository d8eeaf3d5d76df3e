import type { Answer } from "../inference/engine.ts";

/** A stored answer. */
export interface Entry {
  readonly answer: Answer;
  /** When it was stored, in ms since the epoch. */
  readonly storedAt: number;
}

/**
 * One place where an answer may already be.
 *
 * A tier that is down throws; an error is never a miss. An entry that is damaged is a miss.
 */
export interface Tier {
  read(key: string, signal: AbortSignal): Promise<Entry | undefined>;
  write(key: string, entry: Entry, signal: AbortSignal): Promise<void>;
}
