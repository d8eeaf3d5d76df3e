/** Work that can be cancelled. */
export type Call<T> = (signal: AbortSignal) => Promise<T>;

/** A function around a call. It keeps the call's type, so policies compose in any number. */
export type Policy = <T>(call: Call<T>) => Call<T>;

/** The first policy is the outermost: `wrap(breaker, timeout)` lets the breaker see the timeouts. */
export function wrap(...policies: readonly Policy[]): Policy {
  return (call) => policies.reduceRight((inner, policy) => policy(inner), call);
}
