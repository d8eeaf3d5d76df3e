import { ApiError } from "./routes/api-error.ts";

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
export type Admission = (tenant: string) => () => void;

/** How soon to come back when every place is taken: when one becomes free is not known. */
const placeRetryAfterMs = 1000;

/**
 * Limits each tenant by itself: a token bucket for the rate, and a number of places. Nobody waits.
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

  return (tenant) => {
    const at = now();
    const state = tenants.get(tenant) ?? { tokens: burst, at, underWay: 0 };
    tenants.set(tenant, state);
    if (state.underWay >= concurrency) refuse(tenant, "concurrency", placeRetryAfterMs);
    if (ratePerSecond !== undefined) {
      state.tokens = Math.min(burst, state.tokens + ((at - state.at) / 1000) * ratePerSecond);
      state.at = at;
      if (state.tokens < 1) refuse(tenant, "rate", ((1 - state.tokens) / ratePerSecond) * 1000);
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
