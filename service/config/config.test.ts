import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, readConfig } from "./config.ts";

const minimal = { BW_MODEL_URL: "http://127.0.0.1:9000" };

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
  assert.deepEqual(config.redis.nodes, []);
  assert.equal(config.timeouts?.redisMs, 200);
  assert.equal(config.breakers?.redis.failureShare, 0.5);
  assert.equal(config.bulkheads?.model.limit, 100);
  assert.equal(config.fallback, true);
});

test("every problem is told at once, by its variable", () => {
  const problems = problemsOf({
    BW_PORT: "70000",
    BW_BREAKER: "no",
    BW_REDIS_NODES: "a:1,b",
    BW_DEADLINE_MS: "2s",
  });
  const names = problems.map((problem) => problem.split(/[= ]/)[0] ?? "");
  assert.deepEqual(names.sort(), [
    "BW_BREAKER",
    "BW_DEADLINE_MS",
    "BW_MODEL_URL",
    "BW_PORT",
    "BW_REDIS_NODES",
  ]);
});

test("an empty value is not a zero", () => {
  assert.equal(problemsOf({ ...minimal, BW_PORT: "" }).length, 1);
});

test("a problem with the API keys does not show them", () => {
  const problems = problemsOf({ ...minimal, BW_API_KEYS: "no-colon-sesame" });
  assert.equal(problems.length, 1);
  assert(!problems.join().includes("sesame"));
});

test("a policy that is off has no settings", () => {
  const off = {
    BW_CACHE_L1: "off",
    BW_TIMEOUT: "off",
    BW_BREAKER: "off",
    BW_BULKHEAD: "off",
    BW_FALLBACK: "off",
    BW_RETRY: "off",
    BW_SHED: "off",
  };
  const config = readConfig({ ...minimal, ...off });
  assert.equal(config.cache.l1, undefined);
  assert.equal(config.timeouts, undefined);
  assert.equal(config.breakers, undefined);
  assert.equal(config.bulkheads, undefined);
  assert.equal(config.retries, undefined);
  assert.equal(config.shed, undefined);
  assert.equal(readConfig({ ...minimal, BW_ADAPTIVE: "off" }).bulkheads?.model.adaptive, undefined);
  assert.equal(config.fallback, false);
});

test("Redis's password is not shown, and a user without one is a problem", () => {
  for (const [env, name] of [
    [{ BW_REDIS_PASSWORD: "sesame", BW_REDIS_TLS: "yes" }, "BW_REDIS_TLS"],
    [{ BW_REDIS_PASSWORD: "" }, "BW_REDIS_PASSWORD"],
    [{ BW_REDIS_PASSWORD: "sesame\n" }, "BW_REDIS_PASSWORD"],
    [{ BW_REDIS_USERNAME: "sesame" }, "BW_REDIS_USERNAME"],
  ] as const) {
    const problems = problemsOf({ ...minimal, ...env });
    assert.equal(problems.length, 1);
    assert(problems.join().startsWith(name));
    assert(!problems.join().includes("sesame"));
  }
  const { redis } = readConfig({ ...minimal, BW_REDIS_USERNAME: "cache", BW_REDIS_PASSWORD: "sesame" });
  assert.deepEqual(redis.credentials, { username: "cache", password: "sesame" });
  assert.equal(redis.tls, undefined);
  assert.deepEqual(readConfig({ ...minimal, BW_REDIS_TLS: "on" }).redis.tls, {});
});

test("a key that is given twice is refused, and not shown", () => {
  for (const BW_API_KEYS of ["a:sesame,b:sesame", "a:sesame,a:sesame"]) {
    const problems = problemsOf({ ...minimal, BW_API_KEYS });
    assert.equal(problems.length, 1);
    assert.match(problems.join(), /^BW_API_KEYS=/);
    assert(!problems.join().includes("sesame"));
  }
  assert.deepEqual(problemsOf({ ...minimal, BW_API_KEYS: "a:one,a:two" }), []);
});

test("credentials in an address are refused, and not shown", () => {
  for (const BW_MODEL_URL of [
    "http://me:sesame@127.0.0.1",
    "http://sesame@127.0.0.1",
    "me:sesame@127.0.0.1",
  ]) {
    const problems = problemsOf({ BW_MODEL_URL });
    assert.equal(problems.length, 1);
    assert.match(problems.join(), /^BW_MODEL_URL=/);
    assert(!problems.join().includes("sesame"));
  }
  assert(
    !problemsOf({ ...minimal, BW_REDIS_NODES: "me:sesame@127.0.0.1:1" })
      .join()
      .includes("sesame"),
  );
});

test("an attempt must end before the deadline, where timeouts are on; told with the other problems", () => {
  const namesOf = (env: Record<string, string>) =>
    problemsOf({ ...minimal, ...env }).map((problem) => problem.slice(0, problem.indexOf("=")));
  assert.deepEqual(namesOf({ BW_DEADLINE_MS: "1500" }), ["BW_MODEL_TIMEOUT_MS"]);
  assert.deepEqual(namesOf({ BW_DEADLINE_MS: "1501" }), []);
  assert.deepEqual(namesOf({ BW_DEADLINE_MAX_MS: "1999" }), ["BW_DEADLINE_MAX_MS"]);
  assert.deepEqual(namesOf({ BW_DEADLINE_MS: "200", BW_PORT: "x" }).sort(), [
    "BW_MODEL_TIMEOUT_MS",
    "BW_PORT",
    "BW_REDIS_TIMEOUT_MS",
  ]);
  assert.deepEqual(namesOf({ BW_DEADLINE_MS: "200", BW_TIMEOUT: "off" }), []);
});

test("a variable with our prefix that is no setting is a problem, and the nearest setting is named", () => {
  assert.deepEqual(problemsOf({ ...minimal, BW_BREAKR: "off", PORT: "not ours" }), [
    "BW_BREAKR: there is no such setting; did you mean BW_BREAKER?",
  ]);
});

test("a variable that is near to none is not guessed at", () => {
  assert.deepEqual(problemsOf({ ...minimal, BW_BOGUS: "1" }), [
    "BW_BOGUS: there is no such setting; docs/configuration.md lists them",
  ]);
});

test("without the model's address it is said what is missing, and how it looks", () => {
  const [problem, ...others] = problemsOf({});
  assert.deepEqual(others, []);
  assert.match(problem ?? "", /^BW_MODEL_URL is required: .*http:\/\/127.0.0.1:8000$/);
});

test("settings that contradict each other are told with the rest; what is not set follows what is", () => {
  const namesOf = (env: Record<string, string>) =>
    problemsOf({ ...minimal, ...env }).map((problem) => problem.slice(0, problem.indexOf("=")));
  assert.deepEqual(
    namesOf({
      ...{ BW_HEADERS_TIMEOUT_MS: "2000", BW_REQUEST_TIMEOUT_MS: "1000" },
      ...{ BW_BREAKER_MINIMUM_CALLS: "30", BW_TENANT_BURST: "5", BW_PORT: "x" },
    }).sort(),
    ["BW_BREAKER_MINIMUM_CALLS", "BW_HEADERS_TIMEOUT_MS", "BW_PORT", "BW_TENANT_BURST"],
  );
  const config = readConfig({ ...minimal, BW_REQUEST_TIMEOUT_MS: "1000", BW_BREAKER_WINDOW_CALLS: "5" });
  assert.equal(config.httpLimits.headersTimeoutMs, 1000);
  assert.equal(config.breakers?.model.minimumCalls, 5);
});

test("a bound on blindness that polls cannot keep is refused, also where they are not set", () => {
  const problems = problemsOf({ ...minimal, BW_INVALIDATION_MAX_BLIND_MS: "1999" });
  assert.deepEqual(problems, [
    'BW_INVALIDATION_MAX_BLIND_MS="1999": must be no less than twice BW_INVALIDATION_POLL_MS, 1000',
  ]);
  for (const enough of [
    { BW_INVALIDATION_MAX_BLIND_MS: "2000" },
    { BW_INVALIDATION_MAX_BLIND_MS: "20", BW_INVALIDATION_POLL_MS: "10" },
  ])
    assert.deepEqual(problemsOf({ ...minimal, ...enough }), []);
});

test("a connection may be idle for as long as the longest deadline", () => {
  const problems = problemsOf({ ...minimal, BW_SOCKET_IDLE_MS: "500" });
  assert.deepEqual(problems, ['BW_SOCKET_IDLE_MS="500": must be no less than BW_DEADLINE_MAX_MS, 30000']);
  for (const env of [
    { BW_SOCKET_IDLE_MS: "30000" },
    { BW_SOCKET_IDLE_MS: "500", BW_TIMEOUT: "off" },
    { BW_SOCKET_IDLE_MS: "3000", BW_DEADLINE_MAX_MS: "3000" },
  ])
    assert.deepEqual(problemsOf({ ...minimal, ...env }), []);
});

test("a drain has time for the longest deadline, unless it is given less than the default ones", () => {
  const { drain, timeouts } = readConfig(minimal);
  assert.equal(drain.withinMs, timeouts?.deadlines.maxMs);
  const problems = problemsOf({ ...minimal, BW_DEADLINE_MAX_MS: "60000" });
  assert.deepEqual(problems, ['BW_DEADLINE_MAX_MS="60000": must not be more than BW_DRAIN_MS, 30000']);
  for (const env of [
    { BW_DEADLINE_MAX_MS: "60000", BW_DRAIN_MS: "60000" },
    { BW_DEADLINE_MAX_MS: "60000", BW_TIMEOUT: "off" },
    { BW_DRAIN_MS: "0" },
  ])
    assert.deepEqual(problemsOf({ ...minimal, ...env }), []);
});

test("of several tenants each may have half of what the service takes; one alone, however many keys, more", () => {
  const placesOf = (env: Record<string, string>) =>
    readConfig({ ...minimal, ...env }).tenantLimits?.concurrency;
  const two = { BW_API_KEYS: "a:one,b:two" };
  assert.deepEqual(
    [placesOf({}), placesOf({ BW_API_KEYS: "a:one,a:two" }), placesOf(two)],
    [1000, 1000, 500],
  );
  for (const [most, places] of [
    ["101", 51],
    ["1", 1],
    ["10000", 1000],
  ] as const)
    assert.equal(placesOf({ ...two, BW_SHED_MAX_REQUESTS: most }), places);
  assert.equal(placesOf({ ...two, BW_SHED_MAX_REQUESTS: "101", BW_SHED: "off" }), 1000);
  assert.equal(placesOf({ ...two, BW_TENANT_CONCURRENCY: "900" }), 900);
});

test("no secret is shown, whatever is wrong with it", () => {
  const secrets = { BW_API_KEYS: "sesame", BW_ADMIN_KEYS: "sesame", BW_ACCESS_LOG_SALT: "sesame" };
  const problems = problemsOf({ ...minimal, ...secrets });
  assert.equal(problems.length, 3);
  assert(!problems.join().includes("sesame"));
});

test("an eviction policy that there is not is a problem, and the others are named", () => {
  const problems = problemsOf({ ...minimal, BW_CACHE_L1_POLICY: "random" });
  assert.equal(problems.length, 1);
  assert.match(problems.join(), /^BW_CACHE_L1_POLICY="random": must be one of lru, sieve, s3-fifo/);
});
