import assert from "node:assert/strict";
import { test } from "node:test";
import { DependencyGone } from "../answering/dependency-gone.ts";
import { TooManyUnanswered } from "../cache/unanswered.ts";
import { EngineFailure } from "../inference/engine.ts";
import { BreakerOpen } from "../resilience/breaker.ts";
import { BulkheadFull } from "../resilience/bulkhead.ts";
import { DeadlineExceeded } from "../resilience/deadline.ts";
import { Shed } from "../resilience/shedding.ts";
import { AttemptTimeout } from "../resilience/timeout.ts";
import { apiErrorOf } from "./api-error-of.ts";

const gone = (cause: unknown) => new DependencyGone("model", cause);

const told: [string, unknown, number, string, number | undefined][] = [
  ["a request that is shed", new Shed("low", 1), 503, "overloaded", 1000],
  ["a full bulkhead", gone(new BulkheadFull("")), 503, "overloaded", 1000],
  ["a connection that owes too much", gone(new TooManyUnanswered("")), 503, "overloaded", 1000],
  ["an open breaker", gone(new BreakerOpen(70)), 503, "model_unavailable", 70],
  [
    "an engine that turns away",
    gone(new EngineFailure("", { overloaded: true })),
    503,
    "model_unavailable",
    1000,
  ],
  ["an engine that fails", gone(new EngineFailure("")), 502, "model_failed", 1000],
  [
    "an engine that fails and says for how long",
    gone(new EngineFailure("", { retryAfterMs: 7 })),
    502,
    "model_failed",
    7,
  ],
  [
    "an engine that sends too much",
    gone(new EngineFailure("", { code: "response_too_large" })),
    502,
    "model_response_too_large",
    1000,
  ],
  ["anything that is not known", gone(new Error("")), 502, "model_failed", 1000],
  ["an attempt that is given up", gone(new AttemptTimeout("")), 504, "model_timeout", 1000],
  ["a deadline", new DeadlineExceeded(""), 504, "deadline_exceeded", undefined],
  ["a deadline that ended a call", gone(new DeadlineExceeded("")), 504, "deadline_exceeded", undefined],
];

for (const [what, thrown, status, code, retryAfterMs] of told) {
  test(`${what} is told as ${status} ${code}`, () => {
    const error = apiErrorOf(thrown);
    assert.deepEqual([error.status, error.code, error.retryAfterMs], [status, code, retryAfterMs]);
  });
}
