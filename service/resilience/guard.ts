import { type Policy, wrap } from "./policy.ts";

/** What stands around one dependency. A policy that is switched off is not there at all. */
export interface GuardParts {
  readonly bulkhead: Policy | undefined;
  readonly breaker: Policy | undefined;
  readonly timeout: Policy | undefined;
}

/**
 * The one place that orders the policies around a dependency; the request's deadline stands outside of it.
 *
 * The bulkhead is outside the breaker, so that a rejection never counts as the dependency's failure; the
 * timeout is inside, so that slowness does.
 */
export function guard({ bulkhead, breaker, timeout }: GuardParts): Policy {
  return wrap(...[bulkhead, breaker, timeout].filter((policy) => policy !== undefined));
}
