import assert from "node:assert/strict";
import { test } from "node:test";
import { breaker } from "./breaker.ts";
import { bulkhead } from "./bulkhead.ts";
import { guard } from "./guard.ts";
import type { Policy } from "./policy.ts";

const transparent: Policy = (call) => call;
const idle = () => new AbortController().signal;

test("each policy stands where its reasons say", async () => {
  const order: string[] = [];
  const named =
    (name: string): Policy =>
    (call) =>
    (signal) => {
      order.push(name);
      return call(signal);
    };
  const policy = guard({
    timeout: named("timeout"),
    learning: named("learning"),
    breaker: named("breaker"),
    bulkhead: named("bulkhead"),
    observed: named("observed"),
    retry: named("retry"),
  });
  await policy(async () => order.push("call"))(idle());
  assert.deepEqual(order, ["retry", "observed", "bulkhead", "breaker", "learning", "timeout", "call"]);
});

test("waiting for a place is not slowness of the dependency", async () => {
  let nowMs = 0;
  const settings = { windowCalls: 4, minimumCalls: 1, failureShare: 0.5, openMs: 30, probeMs: 100 };
  const states: string[] = [];
  const policy = guard({
    observed: transparent,
    bulkhead: bulkhead({ limit: 1, queue: 9 }).policy,
    breaker: breaker(
      { ...settings, slowCallMs: 50, slowCallShare: 0.5 },
      { isFailure: () => false, onState: (state) => states.push(state), now: () => nowMs },
    ),
    timeout: undefined,
  });
  const work = async () => {
    nowMs += 20;
  };
  await Promise.all(Array.from({ length: 8 }, () => policy(work)(idle())));
  assert.deepEqual([states, nowMs], [[], 160]);
});
