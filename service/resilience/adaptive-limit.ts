import type { Policy } from "./policy.ts";

export interface AdaptiveLimitSettings {
  readonly initial: number;
  /** It never falls below: something must get through, to see when it is well again. */
  readonly minimum: number;
  readonly maximum: number;
  /** The delay that is still useful, in ms: the limit falls where the mean is above it. */
  readonly targetMs: number;
  /** No decision rests on fewer calls. */
  readonly minimumCalls: number;
}

/** What one call took. */
export interface LimitSample {
  readonly beganAt: number;
  readonly endedAt: number;
  /** What is held against the target, in ms: the call's own time, or another delay that it met. */
  readonly delayMs: number;
  /** Calls under way when it began, itself included. */
  readonly inFlight: number;
}

/** How many calls may be under way at once, learnt from how long they take. Times are monotonic, in ms. */
export interface AdaptiveLimit {
  /** A whole number. */
  readonly current: () => number;
  readonly observe: (sample: LimitSample) => void;
}

/** One decision never takes away more than this share: the calls it rests on may have met a moment's stall. */
const leastKept = 0.5;

/**
 * Additive increase, multiplicative decrease, against a target that is given.
 *
 * Not a gradient (Netflix's Gradient2, failsafe-go): that compares the delay with one that it has learnt as normal, and
 * so can learn a wrong one: from a cold start, from a long overload, or from calls that are cheap. What is useful is
 * known here, since callers have a deadline; and a target does not drift.
 *
 * A decision rests on as many calls as the limit lets in, all begun after the decision before: about one round trip.
 * Calls from before tell of another limit, and would have it fall again and again for one overload; nor would the
 * first few to end do, as they are the quickest. Where the mean delay is above the target, the limit falls in
 * proportion, so that a step in capacity is followed in a few round trips. Where it is not, and at least half of the
 * limit was in use, it grows by its square root.
 */
export function adaptiveLimit(settings: AdaptiveLimitSettings): AdaptiveLimit {
  const { minimum, maximum, targetMs, minimumCalls } = settings;
  let limit = settings.initial;
  let since = Number.NEGATIVE_INFINITY;
  let calls = 0;
  let totalMs = 0;
  let peak = 0;

  function decide(): void {
    const meanMs = totalMs / calls;
    if (meanMs > targetMs) limit = Math.max(minimum, limit * Math.max(leastKept, targetMs / meanMs));
    else if (peak * 2 >= limit) limit = Math.min(maximum, limit + Math.sqrt(limit));
  }

  return {
    current: () => Math.floor(limit),
    observe({ beganAt, endedAt, delayMs, inFlight }) {
      if (beganAt < since) return;
      calls++;
      totalMs += delayMs;
      peak = Math.max(peak, inFlight);
      if (calls < Math.max(minimumCalls, Math.floor(limit))) return;
      decide();
      since = endedAt;
      calls = 0;
      totalMs = 0;
      peak = 0;
    },
  };
}

/**
 * What a call that ended with an error says about the limit.
 *
 * "overload": the dependency could not carry it (a timeout, a 429 or 503): counts as well above the target, however
 * quickly it came. "nothing": anything else. A refusal and a refused connection were quick or slow for reasons of their
 * own; learnt from, they would tell that the dependency can carry more.
 */
export type LimitVerdict = "overload" | "nothing";

export interface LearningDeps {
  readonly limit: AdaptiveLimit;
  readonly targetMs: number;
  readonly inFlight: () => number;
  /** Not asked about the reason of the caller's own signal. */
  readonly verdictOf: (thrown: unknown) => LimitVerdict;
  /** Monotonic, in ms. */
  readonly now: () => number;
}

/**
 * Teaches a limit from the calls that pass. It goes inside of what enforces the limit and of any breaker, so that it
 * sees the dependency's own time alone: neither waiting in a queue nor rejections, and no answers from a cache.
 *
 * A caller who gave up, or whose deadline passed, tells of an overload only where the call had run for the target at
 * least. Else one caller's short deadlines would have the limit fall for all, of a dependency that is well.
 */
export function learning({ limit, targetMs, inFlight, verdictOf, now }: LearningDeps): Policy {
  return (call) => async (signal) => {
    const beganAt = now();
    const atBegin = inFlight();
    const observe = (leastMs: number) => {
      const endedAt = now();
      limit.observe({ beganAt, endedAt, delayMs: Math.max(leastMs, endedAt - beganAt), inFlight: atBegin });
    };
    try {
      const value = await call(signal);
      observe(0);
      return value;
    } catch (thrown) {
      const gaveUp = signal.aborted && thrown === signal.reason;
      const overload = gaveUp ? now() - beganAt >= targetMs : verdictOf(thrown) === "overload";
      if (overload) observe(targetMs / leastKept);
      throw thrown;
    }
  };
}
