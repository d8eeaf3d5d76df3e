import { type Policy, untilAborted } from "./policy.ts";

/** The time for the whole request ran out. Not a failure of any one dependency. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/** Whether a signal was aborted because time ran out: by itself, or as the cause of why the work was ended. */
export function isDeadline(reason: unknown): boolean {
  return reason instanceof DeadlineExceeded || (reason instanceof Error && isDeadline(reason.cause));
}

/** When a request must be over: one object for all that is done for it, over every dependency and attempt. */
export interface Deadline {
  /** What is left of it, in ms; 0 once it has passed. */
  remainingMs(): number;
  /**
   * Ends a call when the time is over: it rejects with DeadlineExceeded, and that is the reason of the signal that
   * the call was given. A caller who leaves before is passed on with their own reason, so that whoever is inside can
   * tell the two apart.
   */
  readonly policy: Policy;
}

/** @param now monotonic, in ms */
export function deadlineIn(ms: number, now: () => number): Deadline {
  const at = now() + ms;
  const remainingMs = () => Math.max(0, at - now());
  return {
    remainingMs,
    policy: (call) => async (signal) => {
      signal.throwIfAborted();
      const controller = new AbortController();
      const leave = () => controller.abort(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
      const timer = setTimeout(
        () => controller.abort(new DeadlineExceeded(`the request was not answered in ${ms} ms`)),
        remainingMs(),
      );
      try {
        return await untilAborted(call, controller.signal);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", leave);
      }
    },
  };
}

export interface DeadlineBounds {
  /** For callers who ask for nothing. */
  readonly defaultMs: number;
  /** Nobody gets more. */
  readonly maxMs: number;
}

/**
 * How long a request may take whose caller says so in a header, in ms from its arrival. It is a duration, not a time
 * of day: two machines' clocks differ.
 *
 * Asking for more than the maximum gets the maximum: a patient caller is not wrong. A caller who has no time left
 * (0 or less), who says no whole number, or who says two (Node joins repeated headers with a comma) is.
 *
 * @returns undefined for a caller who is wrong
 */
export function requestedMs(
  header: string | readonly string[] | undefined,
  { defaultMs, maxMs }: DeadlineBounds,
): number | undefined {
  if (header === undefined) return defaultMs;
  if (typeof header !== "string" || !/^\d+$/.test(header)) return undefined;
  const ms = Number(header);
  return ms === 0 ? undefined : Math.min(ms, maxMs);
}
