import { stretchMs } from "../journal/event.ts";

export interface Counted {
  readonly atMs: number;
  readonly count: number;
}

/**
 * The same counts, those of `stretchMs` from the first of them in one. k6 writes a row for each; an event each
 * would make a journal of an outage or a flood unreadable.
 */
export function sumPerStretch(counts: readonly Counted[]): readonly Counted[] {
  const stretches: { atMs: number; count: number }[] = [];
  for (const { atMs, count } of counts) {
    const last = stretches.at(-1);
    if (last !== undefined && atMs - last.atMs < stretchMs) last.count += count;
    else stretches.push({ atMs, count });
  }
  return stretches.filter(({ count }) => count > 0);
}
