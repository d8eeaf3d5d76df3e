import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { readConfig } from "../config/config.ts";
import { EngineFailure, EngineRefusal, ResponseTooLarge } from "../inference/engine.ts";
import { BreakerOpen } from "../resilience/breaker.ts";
import type { Call } from "../resilience/policy.ts";
import { AttemptTimeout } from "../resilience/timeout.ts";
import { createLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { type ModelCallFacts, modelGuard } from "./model.ts";

const usual: ModelCallFacts = {
  tenant: "public",
  priority: "normal",
  deadline: undefined,
  delivered: () => false,
};
const passing = () => Promise.reject(new EngineFailure("", { retryable: true }));
const never = () => new Promise<never>(() => undefined);

/** The model's guard with these settings, around calls that a test makes. */
function guarded(env: Record<string, string>) {
  const metrics = createMetrics();
  const guardOf = modelGuard(readConfig({ BW_MODEL_URL: "http://127.0.0.1:1", ...env }), {
    ...{ log: createLog("silent"), metrics },
    onProblem: () => undefined,
  });
  return {
    run: <T>(call: Call<T>, facts: Partial<ModelCallFacts> = {}) =>
      guardOf({ ...usual, ...facts })(call)(new AbortController().signal),
    async metric(sample: string): Promise<number> {
      const text = await metrics.text();
      const line = text.split("\n").find((candidate) => candidate.startsWith(`${sample} `));
      return Number(line?.slice(sample.length + 1));
    },
  };
}

test("attempts that took too long open the breaker, also where that is not slow by its measure", async () => {
  const { run } = guarded({
    ...{ BW_RETRY: "off", BW_MODEL_TIMEOUT_MS: "5", BW_MODEL_SLOW_MS: "60000" },
    ...{ BW_BREAKER_MINIMUM_CALLS: "3", BW_MODEL_BREAKER_OPEN_MS: "600000" },
  });
  for (let i = 0; i < 3; i++) await assert.rejects(run(never), AttemptTimeout);
  await assert.rejects(run(never), BreakerOpen);
});

test("answers that are too long are not held against the model, and not asked for again", async () => {
  const { run, metric } = guarded({ BW_BREAKER_MINIMUM_CALLS: "3", BW_MODEL_BREAKER_OPEN_MS: "600000" });
  const tooLong = () => Promise.reject(new ResponseTooLarge());
  for (let i = 0; i < 6; i++) await assert.rejects(run(tooLong), ResponseTooLarge);
  assert.equal(await metric('dependency_calls_total{dependency="model",outcome="error"}'), 6);
});

test("attempts that took too long lower the limit, however quickly they were given up", async () => {
  const { run, metric } = guarded({
    ...{ BW_RETRY: "off", BW_BREAKER: "off", BW_MODEL_TIMEOUT_MS: "5", BW_MODEL_TARGET_MS: "60000" },
  });
  const limit = () => metric('concurrency_limit{of="model"}');
  assert.equal(await limit(), 25);
  await Promise.all(Array.from({ length: 25 }, () => assert.rejects(run(never), AttemptTimeout)));
  assert.equal(await limit(), 12);
});

const decisions = (decision: string) => `retries_total{dependency="model",decision="${decision}"}`;

for (const [queue, waiting] of [
  ["50", 12],
  ["3", 3],
] as const) {
  test(`of the ${queue} that may wait at most, ${waiting} do at a limit of 25: no more than half of it`, async () => {
    const { run, metric } = guarded({ BW_MODEL_QUEUE: queue });
    for (let i = 0; i < 100; i++) run(never).catch(() => undefined);
    assert.equal(await metric('concurrency_in_flight{of="model"}'), 25);
    assert.equal(await metric('concurrency_waiting{of="model"}'), waiting);
  });
}

test("the limit that is learnt grows as it is used, and never above the configured one", async () => {
  const { run, metric } = guarded({ BW_MODEL_CONCURRENCY: "8" });
  const limit = () => metric('concurrency_limit{of="model"}');
  assert.equal(await limit(), 4);
  for (let i = 0; i < 200; i++) await Promise.allSettled(Array.from({ length: 8 }, () => run(async () => 1)));
  assert.equal(await limit(), 8);
});

test("calls that an open breaker turns away earn no retries", async () => {
  const openMs = 2000;
  const { run, metric } = guarded({
    ...{ BW_RETRY_ATTEMPTS: "2", BW_RETRY_BASE_MS: "1", BW_RETRY_BURST: "1", BW_RETRY_SHARE: "0.1" },
    ...{ BW_BREAKER_MINIMUM_CALLS: "2", BW_MODEL_BREAKER_OPEN_MS: `${openMs}` },
  });
  await assert.rejects(run(passing), EngineFailure);
  assert.equal(await metric(decisions("retried")), 1);
  for (let i = 0; i < 30; i++) await assert.rejects(run(passing), BreakerOpen);
  await delay(openMs);
  await assert.rejects(run(passing), EngineFailure);
  assert.equal(await metric(decisions("budget-exhausted")), 1);
});

test("waits are drawn at random", async (t) => {
  const { run, metric } = guarded({ BW_RETRY_BASE_MS: "60000", BW_RETRY_MAX_MS: "60000" });
  const deadline = { remainingMs: () => 50_000 };
  t.mock.method(Math, "random", () => 0.99);
  await assert.rejects(run(passing, { deadline }), EngineFailure);
  assert.equal(await metric(decisions("deadline-too-near")), 1);
});

test("refusals do not open it, however many", async () => {
  const { run } = guarded({ BW_BREAKER_MINIMUM_CALLS: "1" });
  for (let i = 0; i < 30; i++) {
    await assert.rejects(
      run(() => Promise.reject(new EngineRefusal(400, null, ""))),
      EngineRefusal,
    );
  }
});
