import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, readConfig } from "./config.ts";

const minimal = { BW_MODEL_URL: "http://127.0.0.1:9000" };

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig({ ...minimal, ...env });
    return [];
  } catch (thrown) {
    assert(thrown instanceof ConfigError);
    return thrown.problems;
  }
}

const pairs = [
  ["BW_HEADERS_TIMEOUT_MS", "BW_REQUEST_TIMEOUT_MS"],
  ["BW_BREAKER_MINIMUM_CALLS", "BW_BREAKER_WINDOW_CALLS"],
  ["BW_MODEL_MIN_CONCURRENCY", "BW_MODEL_CONCURRENCY"],
  ["BW_SHED_MIN_REQUESTS", "BW_SHED_MAX_REQUESTS"],
  ["BW_RETRY_BASE_MS", "BW_RETRY_MAX_MS"],
] as const;

for (const [least, most] of pairs) {
  test(`${least} is not more than ${most}, and may be as much`, () => {
    assert.deepEqual(problemsOf({ [least]: "21", [most]: "20" }), [
      `${least}="21": must not be more than ${most}, 20`,
    ]);
    assert.deepEqual(problemsOf({ [least]: "20", [most]: "20" }), []);
  });
}

test("a key is a tenant's or an admin's, and is not shown", () => {
  const [problem = "", ...others] = problemsOf({
    ...{ BW_API_KEYS: "a:sesame-sesame,b:other", BW_ADMIN_KEYS: "admin-admin,sesame-sesame" },
  });
  assert.deepEqual(others, []);
  assert.match(problem, /^BW_ADMIN_KEYS=/);
  assert(!problem.includes("sesame"));
});

test("who turns tracing on says where traces go", () => {
  assert.deepEqual(problemsOf({ BW_TRACING: "otlp" }), [
    "BW_TRACING_URL: must be set where BW_TRACING is otlp",
  ]);
  assert.deepEqual(problemsOf({ BW_TRACING: "otlp", BW_TRACING_URL: "http://127.0.0.1:4318/v1/traces" }), []);
});

test("a share is above 0 and below 1", () => {
  for (const none of ["0.0", "1", "-0.5", "1.5", "half", ""])
    assert.equal(problemsOf({ BW_RETRY_SHARE: none }).length, 1, none);
  for (const share of ["0.2", ".999"]) assert.deepEqual(problemsOf({ BW_RETRY_SHARE: share }), []);
});
