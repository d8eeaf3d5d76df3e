/** Work that can be cancelled. */
export type Call<T> = (signal: AbortSignal) => Promise<T>;

/** A function around a call. It keeps the call's type, so policies compose in any number. */
export type Policy = <T>(call: Call<T>) => Call<T>;

/** The first policy is the outermost: `wrap(breaker, timeout)` lets the breaker see the timeouts. */
export function wrap(...policies: readonly Policy[]): Policy {
  return (call) => policies.reduceRight((inner, policy) => policy(inner), call);
}

/**
 * Makes a call and waits for it, but no longer than until the signal is aborted: it then rejects with the signal's
 * reason at once, whether or not the call heeds its signal. What the call still does is its own affair.
 */
export function untilAborted<T>(call: Call<T>, signal: AbortSignal): Promise<T> {
  // By hand: with Promise.race() and withResolvers() this is twice as slow, and it is around every request thrice.
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const leave = () => reject(signal.reason);
    // Before the call adds its own listener: whatever the call makes of being aborted comes second.
    signal.addEventListener("abort", leave, { once: true });
    const over = () => signal.removeEventListener("abort", leave);
    const fail = (thrown: unknown) => {
      over();
      reject(thrown);
    };
    try {
      call(signal).then((value) => {
        over();
        resolve(value);
      }, fail);
    } catch (thrown) {
      fail(thrown);
    }
  });
}
