import { z } from "zod";
import { NotCached } from "../answering/answering.ts";
import { DependencyGone } from "../answering/dependency-gone.ts";
import { TooManyUnanswered } from "../cache/unanswered.ts";
import { EngineFailure, EngineRefusal, ResponseTooLarge } from "../inference/engine.ts";
import { BreakerOpen } from "../resilience/breaker.ts";
import { BulkheadFull } from "../resilience/bulkhead.ts";
import { DeadlineExceeded } from "../resilience/deadline.ts";
import { Shed } from "../resilience/shedding.ts";
import { AttemptTimeout } from "../resilience/timeout.ts";
import { ApiError } from "./api-error.ts";

/** How soon to come back where nothing better is known. */
const retryAfterMs = 1000;

/** As body-parser throws them. */
const bodyError = z.object({ type: z.string(), status: z.int().min(400).max(499) });

function overloaded(): ApiError {
  return new ApiError(503, "overloaded", "Too many requests are under way", { retryAfterMs });
}

/**
 * What a caller is told of an error. What is not known here is the service's own fault, and said no more of.
 *
 * 503 says that the request was turned away with nothing done for it. What was begun and failed is another status, so
 * that nobody takes a failure for a refusal. Both have Retry-After, but for what would only end so again:
 * `deadline_exceeded`, `not_cached` and `model_response_too_large`.
 *
 * | what happened                                           | status | code                       |
 * | ------------------------------------------------------- | ------ | -------------------------- |
 * | as much is under way as may be                          | 503    | `overloaded`               |
 * | the breaker is open, or the dependency turned it away   | 503    | `model_unavailable`        |
 * | it was called, and failed                               | 502    | `model_failed`             |
 * | it was called, and its answer is longer than may be     | 502    | `model_response_too_large` |
 * | it was called, and the attempt took too long            | 504    | `model_timeout`            |
 * | the request's own deadline passed                       | 504    | `deadline_exceeded`        |
 * | nothing is stored, and the caller wants no other answer | 504    | `not_cached`               |
 */
export function apiErrorOf(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof DeadlineExceeded) {
    return new ApiError(504, "deadline_exceeded", "The request took longer than its deadline");
  }
  if (thrown instanceof Shed) return overloaded();
  if (thrown instanceof DependencyGone) return dependencyError(thrown);
  if (thrown instanceof NotCached) {
    return new ApiError(504, "not_cached", "There is no stored answer, and the request wants no other");
  }
  if (thrown instanceof EngineRefusal) {
    return new ApiError(thrown.status, thrown.code ?? "refused", thrown.message);
  }
  const { data: body } = bodyError.safeParse(thrown);
  if (body?.type === "entity.too.large") return new ApiError(413, "body_too_large", "The body is too large");
  if (body?.type === "entity.parse.failed")
    return new ApiError(400, "invalid_json", "The body is not valid JSON");
  if (body !== undefined) return new ApiError(body.status, "invalid_body", "The body cannot be read");
  // Of a path whose escapes are none, as Express throws it.
  if (thrown instanceof URIError) return new ApiError(400, "invalid_path", "The path cannot be read");
  return new ApiError(500, "internal_error", "Internal error");
}

function dependencyError({ dependency, cause }: DependencyGone): ApiError {
  if (cause instanceof DeadlineExceeded) return apiErrorOf(cause);
  if (cause instanceof BulkheadFull || cause instanceof TooManyUnanswered) return overloaded();
  if (cause instanceof BreakerOpen || (cause instanceof EngineFailure && cause.overloaded)) {
    return new ApiError(503, `${dependency}_unavailable`, `The ${dependency} is not available`, {
      retryAfterMs: cause.retryAfterMs ?? retryAfterMs,
    });
  }
  if (cause instanceof AttemptTimeout) {
    return new ApiError(504, `${dependency}_timeout`, `The ${dependency} took too long`, { retryAfterMs });
  }
  if (cause instanceof ResponseTooLarge) {
    return new ApiError(502, `${dependency}_response_too_large`, `The ${dependency}'s answer is too long`);
  }
  const askedMs = cause instanceof EngineFailure ? cause.retryAfterMs : undefined;
  return new ApiError(502, `${dependency}_failed`, `The ${dependency} failed`, {
    retryAfterMs: askedMs ?? retryAfterMs,
  });
}
