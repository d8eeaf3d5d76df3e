import { setTimeout as delay } from "node:timers/promises";
import type { Policy } from "./policy.ts";
import type { RetryBudget } from "./retry-budget.ts";

export interface RetrySettings {
  /** In all, the first one included. */
  readonly attempts: number;
  /** The longest wait before the second attempt; it doubles for each one after. */
  readonly baseMs: number;
  /** No wait of our own is longer. */
  readonly maxMs: number;
}

/** What became of an attempt that could have been repeated. */
export type RetryDecision = "retried" | "budget-exhausted" | "deadline-too-near";

export interface RetryDeps {
  readonly budget: RetryBudget;
  /**
   * Whether what failed so may be called again: undefined, no; else how long it asked to be left alone (Retry-After),
   * in ms, 0 where it did not say. Say no to anything that may have had an effect, and to rejections of our own.
   */
  readonly retryAfterMs: (thrown: unknown) => number | undefined;
  /** Whether a call was turned away before it was made: it is no load on the dependency, and earns no retries. */
  readonly turnedAway: (thrown: unknown) => boolean;
  /** What is left of the request's deadline, in ms. */
  readonly remainingMs: () => number;
  readonly onDecision: (decision: RetryDecision) => void;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Rejects when the signal is aborted, at once. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

const sleepFor = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal });

/**
 * Calls again what failed for a passing reason, within a budget.
 *
 * The wait is any time up to a bound that doubles ("full jitter"): clients that failed together do not come back
 * together. It comes on top of what the dependency asked for. Where the wait would outlast the deadline there is none,
 * and the error is told now. Nothing is called once the caller has left, also not while waiting.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function retry({ attempts, baseMs, maxMs }: RetrySettings, deps: RetryDeps): Policy {
  const { budget, retryAfterMs, turnedAway, remainingMs, onDecision, random, sleep = sleepFor } = deps;

  /** How long to wait before calling again; undefined: not again. */
  function waitMs(thrown: unknown, attempt: number): number | undefined {
    if (attempt >= attempts) return undefined;
    const askedMs = retryAfterMs(thrown);
    if (askedMs === undefined) return undefined;
    const ms = askedMs + random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1));
    if (ms >= remainingMs()) onDecision("deadline-too-near");
    else if (!budget.take()) onDecision("budget-exhausted");
    else return ms;
    return undefined;
  }

  return (call) => async (signal) => {
    signal.throwIfAborted();
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await call(signal);
        if (attempt === 1) budget.deposit();
        return result;
      } catch (thrown) {
        // Of a caller who left it is not known whether the call was made.
        if (attempt === 1 && !signal.aborted && !turnedAway(thrown)) budget.deposit();
        const ms = signal.aborted ? undefined : waitMs(thrown, attempt);
        if (ms === undefined) throw thrown;
        await sleep(ms, signal).catch(() => undefined);
        signal.throwIfAborted();
        onDecision("retried");
      }
    }
  };
}
