import type { IncomingHttpHeaders } from "node:http";
import { type Deadline, type DeadlineBounds, deadlineIn, requestedMs } from "../resilience/deadline.ts";
import { type Policy, wrap } from "../resilience/policy.ts";
import type { Priority } from "../resilience/priority.ts";
import { ApiError } from "./api-error.ts";

export interface RequestGuardDeps {
  /** undefined: requests have no deadline, whatever they ask for. */
  readonly deadlines: DeadlineBounds | undefined;
  /** undefined: every request is taken. */
  readonly admission: ((priority: Priority) => Policy) | undefined;
  /** Monotonic, in ms. */
  readonly now: () => number;
}

/** What stands around one request. */
export interface GuardedRequest {
  readonly deadline: Deadline | undefined;
  /** Goes around all the work, the body's arrival included. Rejects with Shed and with DeadlineExceeded. */
  readonly policy: Policy;
}

/** Reads what a request's head asks for; its time begins now. Throws ApiError 400. */
export type RequestGuard = (headers: IncomingHttpHeaders, priority: Priority) => GuardedRequest;

/**
 * The one place that orders the policies around a whole request. Shedding is outermost: what is not taken must cost
 * nothing, not even a timer.
 */
export function requestGuard({ deadlines, admission, now }: RequestGuardDeps): RequestGuard {
  return (headers, priority) => {
    const admit = admission?.(priority);
    const deadline = deadlines && deadlineIn(deadlineMs(headers["x-request-deadline-ms"], deadlines), now);
    const parts = [admit, deadline?.policy];
    return { deadline, policy: wrap(...parts.filter((policy) => policy !== undefined)) };
  };
}

function deadlineMs(header: string | string[] | undefined, bounds: DeadlineBounds): number {
  const ms = requestedMs(header, bounds);
  if (ms !== undefined) return ms;
  throw new ApiError(
    400,
    "invalid_deadline",
    "x-request-deadline-ms must be one whole number of ms, above 0",
    {
      param: "x-request-deadline-ms",
    },
  );
}
