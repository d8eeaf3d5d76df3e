import { type Policy, untilAborted } from "./policy.ts";
import { AttemptTimeout } from "./timeout.ts";

/** In so many parts the time is counted. */
const parts = 5;

/**
 * A timeout for what is so short that this process's own work can use it up: reading 500 requests that came at once
 * takes longer than the 50 ms that a lease may take, with its reply long here.
 *
 * The time is counted in five parts. One that is over late counts once all the same, and between two of them what came
 * in is read; so a call is given up after `ms`, or after five turns of the event loop where those take longer.
 */
export function ownTime(ms: number): Policy {
  return (call) => async (signal) => {
    signal.throwIfAborted();
    const attempt = new AbortController();
    const leave = () => attempt.abort(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    let over = 0;
    const timer = setInterval(() => {
      if (++over === parts)
        attempt.abort(new AttemptTimeout(`no answer in ${ms} ms of this process's own time`));
    }, ms / parts);
    try {
      return await untilAborted(call, attempt.signal);
    } finally {
      clearInterval(timer);
      signal.removeEventListener("abort", leave);
    }
  };
}
