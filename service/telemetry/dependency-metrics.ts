import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { RedisErrorClass } from "../cache/redis-errors.ts";
import type { BreakerState } from "../resilience/breaker.ts";

export type Dependency = "redis-read" | "redis-write" | "redis-lease" | "redis-marks" | "model";
export type CallOutcome =
  | "ok"
  | "error"
  | "timeout"
  | "deadline"
  | "breaker-open"
  | "bulkhead-full"
  | "refused"
  | "cancelled";

/** From a read within one rack to the usual timeouts of Redis (0.2 s) and the model (1.5 s), which are edges. */
const durationEdges = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 1.5, 2, 5];

const stateValue: Record<BreakerState, number> = { closed: 0, "half-open": 1, open: 2 };

export function dependencyMetrics(register: Registry) {
  const registers = [register];
  const calls = new Counter({
    name: "dependency_calls_total",
    help: "Calls of a dependency by how they ended; breaker-open and bulkhead-full were not made",
    labelNames: ["dependency", "outcome"],
    registers,
  });
  const durations = new Histogram({
    name: "dependency_call_duration_seconds",
    help: "Time of the calls that were made, however they ended",
    labelNames: ["dependency"],
    buckets: durationEdges,
    registers,
  });
  const breakerTransitions = new Counter({
    name: "breaker_transitions_total",
    help: "Changes of a breaker's state, by the state that was entered; the first one is not a change",
    labelNames: ["dependency", "state"],
    registers,
  });
  const breakers = new Gauge({
    name: "breaker_state",
    help: "0 closed, 1 half-open, 2 open",
    labelNames: ["dependency"],
    registers,
  });
  const redisErrors = new Counter({
    name: "redis_errors_total",
    help: "Commands that failed, by kind of error; calls that were not made are none",
    labelNames: ["class"],
    registers,
  });
  return {
    dependencyCall(dependency: Dependency, outcome: CallOutcome, seconds: number): void {
      calls.labels(dependency, outcome).inc();
      if (outcome !== "breaker-open" && outcome !== "bulkhead-full") {
        durations.labels(dependency).observe(seconds);
      }
    },
    redisError(name: RedisErrorClass): void {
      redisErrors.labels(name).inc();
    },
    /**
     * A breaker's first state.
     *
     * @param dependency "model", or "redis/host:port" for a shard
     */
    newBreaker(dependency: string): void {
      breakers.labels(dependency).set(stateValue.closed);
    },
    breakerState(dependency: string, state: BreakerState): void {
      breakers.labels(dependency).set(stateValue[state]);
      breakerTransitions.labels(dependency, state).inc();
    },
    forgetBreaker(dependency: string): void {
      breakers.remove(dependency);
      for (const state of Object.keys(stateValue)) breakerTransitions.remove(dependency, state);
    },
  };
}
