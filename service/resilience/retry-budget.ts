export interface RetryBudgetSettings {
  /** Retries for each call, in the long run; between 0 and 1. */
  readonly share: number;
  /** Retries that may be made at once after a quiet time, and from the start. */
  readonly burst: number;
}

/** What retries may cost, over all calls of one dependency. */
export interface RetryBudget {
  /** A call was made for the first time: the dependency had it, and not only whoever guards it. */
  deposit(): void;
  /** @returns whether a retry may be made; it is then paid for */
  take(): boolean;
}

/**
 * A token bucket that is filled by calls, not by time: of any `n` calls in a row at most `n * share + burst` are
 * retried, whatever the rate is and however many fail. Limiting attempts alone does not do that: in an outage, three
 * attempts for each call are three times the load, just when the dependency can bear it least.
 *
 * Finagle's RetryBudget has 20 % as its default share too, and Envoy's retry_budget.
 */
export function retryBudget({ share, burst }: RetryBudgetSettings): RetryBudget {
  let tokens = burst;
  return {
    deposit() {
      tokens = Math.min(burst, tokens + share);
    },
    take() {
      // Shares such as 0.2 do not add up to 1 exactly.
      if (tokens < 1 - 1e-9) return false;
      tokens -= 1;
      return true;
    },
  };
}
