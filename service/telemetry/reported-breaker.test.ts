import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { reportedBreaker } from "./reported-breaker.ts";

const settings = {
  windowCalls: 4,
  minimumCalls: 2,
  failureShare: 0.5,
  openMs: 1000,
  slowCallMs: 60_000,
  slowCallShare: 0.5,
  probeMs: 60_000,
};

test("calls that fail after a breaker was forgotten do not bring its gauge back, nor end another's", async () => {
  const metrics = createMetrics();
  const lines: string[] = [];
  const log = createLog("info", { write: (line) => void lines.push(line) });
  const create = () => reportedBreaker("redis/a:1", settings, () => true, log, metrics);
  const gauge = async () =>
    /^breaker_state\{dependency="redis\/a:1"\} (\d)$/m.exec(await metrics.text())?.[1];

  const { policy, forget } = create();
  assert.equal(await gauge(), "0");
  const gate = Promise.withResolvers<never>();
  const calls = Array.from({ length: 4 }, () => policy(() => gate.promise)(new AbortController().signal));
  forget();
  assert.equal(await gauge(), undefined);
  gate.reject(new Error("gone"));
  await Promise.allSettled(calls);
  assert.equal(await gauge(), undefined);
  assert.deepEqual(lines, []);

  const again = create();
  await Promise.allSettled(calls.map(() => again.policy(() => gate.promise)(new AbortController().signal)));
  assert.equal(await gauge(), "2");
  assert.equal(lines.length, 1);
});

test("nothing is left in the metrics of a breaker that was forgotten: masters come and go, for as long as it runs", async () => {
  const metrics = createMetrics();
  const { policy, forget } = reportedBreaker("redis/a:1", settings, () => true, createLog("silent"), metrics);
  const fails = policy(() => Promise.reject(new Error("gone")));
  await Promise.allSettled(Array.from({ length: 4 }, () => fails(new AbortController().signal)));
  const told = async () => (await metrics.text()).split("\n").filter((line) => line.includes("redis/a:1"));
  assert.deepEqual(await told(), [
    'breaker_transitions_total{dependency="redis/a:1",state="open"} 1',
    'breaker_state{dependency="redis/a:1"} 2',
  ]);
  forget();
  assert.deepEqual(await told(), []);
});
