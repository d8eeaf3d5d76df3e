import { openAppendFile } from "./append-file.ts";
import type { EventBody, RunEvent, Stamp } from "./event.ts";

/** Writes journal.ndjson: one event a line, as it happens. */
export interface JournalWriter {
  /**
   * Stamps the event, writes it and returns it. Never throws, see `broken`.
   * @param atMs when it happened, run time; now where it is left out
   */
  record(source: string, body: EventBody, atMs?: number): RunEvent;
  /** Rejects once, with BreakwaterError JOURNAL_UNWRITABLE, when a write has failed; else stays pending. */
  readonly broken: Promise<never>;
  /** @throws BreakwaterError JOURNAL_UNWRITABLE, the first failure if there was one */
  close(): void;
}

/**
 * @param now monotonic run time in ms
 * @throws BreakwaterError JOURNAL_UNWRITABLE
 */
export function openJournal(path: string, now: () => number): JournalWriter {
  const file = openAppendFile(path);
  return {
    broken: file.broken,
    record(source, body, atMs = now()) {
      const stamp: Stamp = { atMs: Math.round(atMs * 1000) / 1000, source, arm: "main", attempt: 1 };
      const event: RunEvent = { ...stamp, ...body };
      file.append(`${JSON.stringify(event)}\n`);
      return event;
    },
    close: () => file.close(),
  };
}
