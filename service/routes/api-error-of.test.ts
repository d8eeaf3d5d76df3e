import assert from "node:assert/strict";
import { test } from "node:test";
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
import { apiErrorOf } from "./api-error-of.ts";

/** Stands for what an error knows and a caller must not be told: addresses, keys, prompts. */
const secret = "10.1.2.3:6379";
const model = (cause: unknown) => new DependencyGone("model", cause);
const redis = (cause: unknown) => new DependencyGone("redis", cause);
const parser = (type: string, status: number) => Object.assign(new Error(secret), { type, status });

const rows: readonly [what: string, thrown: unknown, status: number, code: string, retryAfterMs?: number][] =
  [
    ["an error of the API's own", new ApiError(418, "teapot", "short and stout"), 418, "teapot"],
    ["the request's deadline", new DeadlineExceeded(secret), 504, "deadline_exceeded"],
    ["the deadline at the model", model(new DeadlineExceeded(secret)), 504, "deadline_exceeded"],
    ["shed", new Shed("low", 7), 503, "overloaded", 1000],
    ["no place at the model", model(new BulkheadFull(secret)), 503, "overloaded", 1000],
    ["no place on a connection", redis(new TooManyUnanswered(secret)), 503, "overloaded", 1000],
    ["a breaker that is open", model(new BreakerOpen(4321)), 503, "model_unavailable", 4321],
    ["another one", redis(new BreakerOpen(99)), 503, "redis_unavailable", 99],
    [
      "a model that has too much to do",
      model(new EngineFailure(secret, { overloaded: true, retryAfterMs: 7000 })),
      503,
      "model_unavailable",
      7000,
    ],
    [
      "one that does not say for how long",
      model(new EngineFailure("", { overloaded: true })),
      503,
      "model_unavailable",
      1000,
    ],
    ["an attempt that took too long", model(new AttemptTimeout(secret)), 504, "model_timeout", 1000],
    ["a model that failed", model(new EngineFailure(secret)), 502, "model_failed", 1000],
    [
      "one that said when",
      model(new EngineFailure(secret, { retryAfterMs: 5000 })),
      502,
      "model_failed",
      5000,
    ],
    ["an answer that is too long", model(new ResponseTooLarge(secret)), 502, "model_response_too_large"],
    ["Redis failing for a reason unknown", redis(new Error(secret)), 502, "redis_failed", 1000],
    ["nothing stored", new NotCached(secret), 504, "not_cached"],
    ["a refusal of the model", new EngineRefusal(422, "too_long", "Too long"), 422, "too_long"],
    ["one without a code", new EngineRefusal(400, null, "No"), 400, "refused"],
    ["a body over the limit", parser("entity.too.large", 413), 413, "body_too_large"],
    ["a body that is no JSON", parser("entity.parse.failed", 400), 400, "invalid_json"],
    ["a body that ends too soon", parser("request.aborted", 400), 400, "invalid_body"],
    ["a path that cannot be read", new URIError(secret), 400, "invalid_path"],
    ["the service's own fault", new Error(secret), 500, "internal_error"],
    ["one that is no error at all", secret, 500, "internal_error"],
  ];

for (const [what, thrown, status, code, retryAfterMs] of rows) {
  test(`${what}: ${status} ${code}`, () => {
    const told = apiErrorOf(thrown);
    assert.deepEqual([told.status, told.code, told.retryAfterMs], [status, code, retryAfterMs]);
    const { error } = told.body();
    assert.equal(error.type, status < 500 ? "invalid_request_error" : "server_error");
    assert.equal(error.code, code);
    assert.ok(!JSON.stringify(error).includes(secret), error.message);
  });
}
