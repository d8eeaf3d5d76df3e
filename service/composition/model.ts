import type { Config } from "../config/config.ts";
import { EngineFailure } from "../inference/engine.ts";
import { bulkhead } from "../resilience/bulkhead.ts";
import { guard } from "../resilience/guard.ts";
import { type Policy, wrap } from "../resilience/policy.ts";
import { AttemptTimeout, timeout } from "../resilience/timeout.ts";
import { observed } from "../telemetry/observed.ts";
import { reportedBreaker } from "../telemetry/reported-breaker.ts";
import type { Telemetry } from "./telemetry.ts";

export function modelGuard({ timeouts, bulkheads, breakers }: Config, { log, metrics }: Telemetry): Policy {
  return wrap(
    observed((outcome) => metrics.dependencyCall("model", outcome)),
    guard({
      bulkhead: bulkheads && bulkhead(bulkheads.model),
      breaker: breakers && reportedBreaker("model", breakers.model, isModelFailure, log, metrics).policy,
      timeout: timeouts && timeout(timeouts.modelMs),
    }),
  );
}

function isModelFailure(thrown: unknown): boolean {
  return thrown instanceof EngineFailure || thrown instanceof AttemptTimeout;
}
