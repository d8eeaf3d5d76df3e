import { type Policy, wrap } from "./policy.ts";

/** What stands around one dependency, outermost first. A policy that is switched off is not there at all. */
export interface GuardParts {
  /** Outside of all else: each attempt queues, is counted and is timed on its own. */
  readonly retry?: Policy | undefined;
  /** Sees each attempt, also those that were not let through. */
  readonly observed: Policy;
  /** Outside the breaker, so that a rejection never counts as the dependency's failure, nor takes a probe's place. */
  readonly bulkhead: Policy | undefined;
  readonly breaker: Policy | undefined;
  /** Teaches the bulkhead its limit: inside the breaker, so that it learns from calls that were made. */
  readonly learning?: Policy | undefined;
  /** Innermost, so that slowness is a failure to all of them. */
  readonly timeout: Policy | undefined;
}

/** The one place that orders the policies around a dependency; the request's own are outside of it. */
export function guard({ retry, observed, bulkhead, breaker, learning, timeout }: GuardParts): Policy {
  const parts = [retry, observed, bulkhead, breaker, learning, timeout];
  return wrap(...parts.filter((policy) => policy !== undefined));
}
