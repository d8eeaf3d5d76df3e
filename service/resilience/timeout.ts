import { timeout as cockatielTimeout, TimeoutStrategy } from "cockatiel";
import type { Policy } from "./policy.ts";

/** One attempt took too long. A failure of what was called. */
export class AttemptTimeout extends Error {
  override readonly name = "AttemptTimeout";
}

/**
 * Gives up on a call after `ms`, whether or not the call heeds its signal.
 *
 * cockatiel says "timed out" also when the caller gave up (its own signal was aborted); here that rejects
 * with the caller's reason instead, so that nobody mistakes a caller who left for a slow dependency.
 */
export function timeout(
  ms: number,
  expired: () => Error = () => new AttemptTimeout(`no answer in ${ms} ms`),
): Policy {
  // Aggressive, because neither ioredis nor every engine stops when told to. `abortOnReturn` would abort
  // the signal of a call that succeeded, and so kill a body that is still being read.
  const policy = cockatielTimeout(ms, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false });
  return (call) => async (signal) => {
    signal.throwIfAborted();
    let attempt = signal;
    try {
      return await policy.execute((context) => {
        attempt = context.signal;
        return call(attempt);
      }, signal);
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      // Whatever the call made of being aborted, the timeout is the cause.
      if (attempt.aborted) throw expired();
      throw thrown;
    }
  };
}
