import { redisErrorClass } from "../cache/redis-errors.ts";
import { EngineRefusal } from "../inference/engine.ts";
import { BreakerOpen } from "../resilience/breaker.ts";
import { BulkheadFull } from "../resilience/bulkhead.ts";
import { isDeadline } from "../resilience/deadline.ts";
import type { Policy } from "../resilience/policy.ts";
import type { CallOutcome, Dependency } from "./dependency-metrics.ts";
import { inSpan } from "./spans.ts";

/**
 * Records how each call ended and how long it took, in seconds, and changes nothing; where requests are traced, each
 * is a span. For each attempt, also one that its guard does not let through.
 */
export function observed(
  dependency: Dependency,
  record: (dependency: Dependency, outcome: CallOutcome, seconds: number) => void,
): Policy {
  return (call) => async (signal) => {
    const began = performance.now();
    const seconds = () => (performance.now() - began) / 1000;
    const outcome = (thrown: unknown) => (signal.aborted ? givenUpBy(signal.reason) : outcomeOf(thrown));
    try {
      const value = await inSpan(dependency, outcome, () => call(signal));
      record(dependency, "ok", seconds());
      return value;
    } catch (thrown) {
      record(dependency, outcome(thrown), seconds());
      throw thrown;
    }
  };
}

function givenUpBy(reason: unknown): CallOutcome {
  return isDeadline(reason) ? "deadline" : "cancelled";
}

function outcomeOf(thrown: unknown): CallOutcome {
  if (thrown instanceof BreakerOpen) return "breaker-open";
  if (thrown instanceof BulkheadFull) return "bulkhead-full";
  if (thrown instanceof EngineRefusal) return "refused";
  // That of the policies, and that of ioredis, which now and then wins by a hair.
  return redisErrorClass(thrown) === "timeout" ? "timeout" : "error";
}
