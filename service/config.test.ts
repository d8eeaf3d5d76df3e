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

test("a key that is given twice is refused, and not shown", () => {
  for (const API_KEYS of ["a:sesame,b:sesame", "a:sesame,a:sesame"]) {
    const problems = problemsOf({ ...minimal, API_KEYS });
    assert.equal(problems.length, 1);
    assert.match(problems.join(), /^API_KEYS=/);
    assert(!problems.join().includes("sesame"));
  }
  assert.deepEqual(problemsOf({ ...minimal, API_KEYS: "a:one,a:two" }), []);
});

test("credentials in an address are refused, and not shown", () => {
  for (const MODEL_URL of ["http://me:sesame@127.0.0.1", "http://sesame@127.0.0.1", "me:sesame@127.0.0.1"]) {
    const problems = problemsOf({ MODEL_URL });
    assert.equal(problems.length, 1);
    assert.match(problems.join(), /^MODEL_URL=/);
    assert(!problems.join().includes("sesame"));
  }
  assert(
    !problemsOf({ ...minimal, REDIS_NODES: "me:sesame@127.0.0.1:1" })
      .join()
      .includes("sesame"),
  );
});

test("an attempt must end before the deadline, where timeouts are on; told with the other problems", () => {
  const namesOf = (env: Record<string, string>) =>
    problemsOf({ ...minimal, ...env }).map((problem) => problem.slice(0, problem.indexOf("=")));
  assert.deepEqual(namesOf({ DEADLINE_MS: "1500" }), ["MODEL_TIMEOUT_MS"]);
  assert.deepEqual(namesOf({ DEADLINE_MS: "1501" }), []);
  assert.deepEqual(namesOf({ DEADLINE_MS: "200", PORT: "x" }).sort(), [
    "MODEL_TIMEOUT_MS",
    "PORT",
    "REDIS_TIMEOUT_MS",
  ]);
  assert.deepEqual(namesOf({ DEADLINE_MS: "200", TIMEOUT: "off" }), []);
});
