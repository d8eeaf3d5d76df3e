import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, readConfig } from "./config.ts";

const minimal = { MODEL_URL: "http://127.0.0.1:9000" };

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (thrown) {
    assert(thrown instanceof ConfigError);
    return thrown.problems;
  }
}

test("only the model's address is required; everything is on, and listens on loopback", () => {
  const config = readConfig(minimal);
  assert.deepEqual(config.listen, { host: "127.0.0.1", port: 8080 });
  assert.deepEqual(config.redisNodes, []);
  assert.equal(config.timeouts?.redisMs, 200);
  assert.equal(config.breakers?.redis.failureShare, 0.5);
  assert.equal(config.bulkheads?.model, 100);
  assert.equal(config.fallback, true);
});

test("every problem is told at once, by its variable", () => {
  const problems = problemsOf({ PORT: "70000", BREAKER: "no", REDIS_NODES: "a:1,b", DEADLINE_MS: "2s" });
  const names = problems.map((problem) => problem.slice(0, problem.indexOf("=")));
  assert.deepEqual(names.sort(), ["BREAKER", "DEADLINE_MS", "MODEL_URL", "PORT", "REDIS_NODES"]);
});

test("an empty value is not a zero", () => {
  assert.equal(problemsOf({ ...minimal, PORT: "" }).length, 1);
});

test("a problem with the API keys does not show them", () => {
  const problems = problemsOf({ ...minimal, API_KEYS: "no-colon-sesame" });
  assert.equal(problems.length, 1);
  assert(!problems.join().includes("sesame"));
});

test("a policy that is off has no settings", () => {
  const off = { TIMEOUT: "off", BREAKER: "off", BULKHEAD: "off", FALLBACK: "off" };
  const config = readConfig({ ...minimal, ...off });
  assert.equal(config.timeouts, undefined);
  assert.equal(config.breakers, undefined);
  assert.equal(config.bulkheads, undefined);
  assert.equal(config.fallback, false);
});
