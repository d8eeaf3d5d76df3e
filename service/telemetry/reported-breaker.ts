import type { Logger } from "pino";
import { type BreakerSettings, type BreakerState, breaker } from "../resilience/breaker.ts";
import type { Policy } from "../resilience/policy.ts";
import type { Metrics } from "./metrics.ts";

export interface ReportedBreaker {
  readonly policy: Policy;
  /** Takes its gauge away, for good: calls that are still under way may yet change the breaker's state. */
  forget(): void;
}

/** A breaker whose state is a gauge, and whose openings and closings are log lines. */
export function reportedBreaker(
  dependency: string,
  settings: BreakerSettings,
  isFailure: (thrown: unknown) => boolean,
  log: Logger,
  metrics: Metrics,
): ReportedBreaker {
  metrics.newBreaker(dependency);
  let forgotten = false;
  let logged: BreakerState = "closed";
  function onState(state: BreakerState): void {
    if (forgotten) return;
    metrics.breakerState(dependency, state);
    // A probe that fails is no news: it would be two lines a second for each shard of an outage.
    if (state === "half-open" || state === logged) return;
    logged = state;
    log.warn({ dependency, state }, "breaker");
  }
  const policy = breaker(settings, { isFailure, onState, now: performance.now.bind(performance) });
  return {
    policy,
    forget() {
      forgotten = true;
      metrics.forgetBreaker(dependency);
    },
  };
}
