import { type Priority, placesFor } from "../resilience/priority.ts";
import { ApiError } from "../routes/api-error.ts";

export interface TenantLimits {
  /** Requests per second in the long run; undefined: as many as come. */
  readonly ratePerSecond: number | undefined;
  /** How many may come at once after a pause. */
  readonly burst: number;
  /** Requests under way at once. */
  readonly concurrency: number;
}

export type LimitReason = "rate" | "concurrency";

/** Takes a place for one request. @returns what gives it back; throws ApiError 429 */
export type Admission = (tenant: string, priority: Priority) => () => void;

/** How soon to come back when every place is taken: when one becomes free is not known. */
const placeRetryAfterMs = 1000;

/**
 * Limits each tenant by itself: a token bucket for the rate, and a number of places. Nobody waits.
 *
 * A tenant's requests of low priority leave a part of both to its others.
 *
 * What one tenant is refused costs the others nothing, and takes none of their places. Tenants come from the
 * configuration, so there are as many buckets as tenants.
 *
 * @param now milliseconds, monotonic
 */
export function tenantLimits(
  { ratePerSecond, burst, concurrency }: TenantLimits,
  now: () => number,
  onLimited: (tenant: string, reason: LimitReason) => void,
): Admission {
  const tenants = new Map<string, { tokens: number; at: number; underWay: number }>();

  function refuse(tenant: string, reason: LimitReason, retryAfterMs: number): never {
    onLimited(tenant, reason);
    const what = reason === "rate" ? "requests in a short time" : "requests under way";
    throw new ApiError(429, "rate_limit_exceeded", `Too many ${what} with keys of this tenant`, {
      type: "rate_limit_error",
      retryAfterMs,
    });
  }

  return (tenant, priority) => {
    const at = now();
    const state = tenants.get(tenant) ?? { tokens: burst, at, underWay: 0 };
    tenants.set(tenant, state);
    if (state.underWay >= placesFor(priority, concurrency)) refuse(tenant, "concurrency", placeRetryAfterMs);
    if (ratePerSecond !== undefined) {
      state.tokens = Math.min(burst, state.tokens + ((at - state.at) / 1000) * ratePerSecond);
      state.at = at;
      const least = 1 + burst - placesFor(priority, burst);
      if (state.tokens < least) refuse(tenant, "rate", ((least - state.tokens) / ratePerSecond) * 1000);
      state.tokens--;
    }
    state.underWay++;
    let released = false;
    return () => {
      if (!released) state.underWay--;
      released = true;
    };
  };
}
