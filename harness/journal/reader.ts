import { BreakwaterError, reasonOf } from "../errors.ts";
import type { RunEvent } from "./event.ts";

/**
 * Reads what `openJournal` wrote. A last line that was cut by a crash is left out, and said so.
 * @throws BreakwaterError JOURNAL_DAMAGED with the line's number for anything else that is not an event
 */
export function parseJournal(text: string, path: string): { events: RunEvent[]; cut: boolean } {
  const lines = text.split("\n");
  // A whole journal ends in a newline: what stands behind the last one was being written when the process died.
  const cut = lines.pop() !== "";
  return { events: lines.map((line, index) => toEvent(line, `"${path}", line ${index + 1}`)), cut };
}

function toEvent(line: string, where: string): RunEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw damaged(where, reasonOf(cause), cause);
  }
  if (!isEvent(value)) throw damaged(where, "it is not a stamped event");
  return value;
}

/** Checks the stamp only: the body is as this program wrote it, and an unknown type is a later version's. */
function isEvent(value: unknown): value is RunEvent {
  return (
    typeof value === "object" &&
    value !== null &&
    "type" in value &&
    typeof value.type === "string" &&
    "atMs" in value &&
    typeof value.atMs === "number" &&
    "source" in value &&
    "arm" in value &&
    "attempt" in value
  );
}

function damaged(where: string, why: string, cause?: unknown): BreakwaterError {
  return new BreakwaterError("HARNESS_ERROR", "JOURNAL_DAMAGED", `Cannot read ${where}: ${why}`, { cause });
}
