import type { Config } from "../config/config.ts";
import { type Engine, EngineFailure } from "../inference/engine.ts";
import {
  type AdaptiveLimit,
  adaptiveLimit,
  type LimitVerdict,
  learning,
} from "../resilience/adaptive-limit.ts";
import { BreakerOpen } from "../resilience/breaker.ts";
import { type Bulkhead, BulkheadFull, type BulkheadSettings, bulkhead } from "../resilience/bulkhead.ts";
import type { Deadline } from "../resilience/deadline.ts";
import { guard } from "../resilience/guard.ts";
import type { Policy } from "../resilience/policy.ts";
import type { Priority } from "../resilience/priority.ts";
import { type RetryDecision, retry } from "../resilience/retry.ts";
import { retryBudget } from "../resilience/retry-budget.ts";
import { AttemptTimeout, timeout } from "../resilience/timeout.ts";
import { observed } from "../telemetry/observed.ts";
import { reportedBreaker } from "../telemetry/reported-breaker.ts";
import { spanEvent } from "../telemetry/spans.ts";
import type { Telemetry } from "./telemetry.ts";

const now = performance.now.bind(performance);

/** What the guard has to know of one call. */
export interface ModelCallFacts {
  /** Tenants share the model's places, each its part. */
  readonly tenant: string;
  /** Work of low priority leaves places to the rest. */
  readonly priority: Priority;
  readonly deadline: Pick<Deadline, "remainingMs"> | undefined;
  /** Whether a part of the answer is out already: what follows must then be of the same answer. */
  readonly delivered: () => boolean;
}

/** What stands around each call of the model: one bulkhead, breaker and retry budget for all of them. */
export type ModelGuard = (facts: ModelCallFacts) => Policy;

/** Rejects as the engine does, and with BulkheadFull, BreakerOpen and AttemptTimeout. */
export function modelGuard(config: Config, { log, metrics }: Telemetry): ModelGuard {
  const { timeouts, breakers, retries } = config;
  const places = modelPlaces(config);
  if (places !== undefined) {
    const { settings, bulkhead } = places;
    metrics.concurrency("model", { limit: () => settings.limit, ...bulkhead });
  }
  const budget = retries && retryBudget(retries.budget);
  const onDecision = (decision: RetryDecision) => {
    metrics.retryDecision("model", decision);
    spanEvent("retry", { decision });
  };

  const parts = {
    observed: observed("model", metrics.dependencyCall),
    breaker: breakers && reportedBreaker("model", breakers.model, isModelFailure, log, metrics).policy,
    learning: places?.learning,
    timeout: timeouts && timeout(timeouts.modelMs),
  };
  const attemptOf = ({ tenant, priority }: ModelCallFacts) => {
    // Without limits of tenants nobody is told from anybody else.
    const whose = config.tenantLimits === undefined ? "" : tenant;
    return guard({ ...parts, bulkhead: places?.bulkhead.policyOf(whose, priority) });
  };
  if (retries === undefined || budget === undefined) return attemptOf;

  return (facts) => {
    const { deadline, delivered } = facts;
    const attempt = attemptOf(facts);
    const again = retry(retries, {
      budget,
      retryAfterMs: (thrown) => (delivered() ? undefined : retryAfterMs(thrown)),
      turnedAway: (thrown) => thrown instanceof BulkheadFull || thrown instanceof BreakerOpen,
      remainingMs: () => deadline?.remainingMs() ?? Number.POSITIVE_INFINITY,
      onDecision,
      random: Math.random,
    });
    return (call) => again(attempt(call));
  };
}

/** An engine inside of the model's guard. */
export function guardedEngine(engine: Engine, guardOf: ModelGuard): Engine {
  return {
    answer(call, signal) {
      const { tenant, priority, deadline, onDelta } = call;
      let delivered = false;
      const watched =
        onDelta === undefined
          ? call
          : {
              ...call,
              onDelta: (delta: Parameters<typeof onDelta>[0]) => {
                delivered = true;
                onDelta(delta);
              },
            };
      const policy = guardOf({ tenant, priority, deadline, delivered: () => delivered });
      return policy((inner) => engine.answer(watched, inner))(signal);
    },
  };
}

interface Places {
  readonly bulkhead: Bulkhead;
  readonly settings: BulkheadSettings;
  readonly learning: Policy | undefined;
}

/** The bulkhead; with an adaptive limit, if so configured, in place of the fixed one. */
function modelPlaces({ bulkheads }: Config): Places | undefined {
  if (bulkheads === undefined) return undefined;
  const { adaptive, ...fixed } = bulkheads.model;
  if (adaptive === undefined) return { bulkhead: bulkhead(fixed), settings: fixed, learning: undefined };
  const limit: AdaptiveLimit = adaptiveLimit({ ...adaptive, maximum: fixed.limit });
  const settings = {
    get limit() {
      return limit.current();
    },
    /** A wait of about half a call at most: a queue that does not shrink with the limit outlasts the deadline. */
    get queue() {
      return Math.min(fixed.queue, Math.floor(limit.current() / 2));
    },
  };
  const places = bulkhead(settings);
  const { targetMs } = adaptive;
  return {
    bulkhead: places,
    settings,
    learning: learning({ limit, targetMs, inFlight: places.inFlight, verdictOf, now }),
  };
}

function isModelFailure(thrown: unknown): boolean {
  return thrown instanceof EngineFailure || thrown instanceof AttemptTimeout;
}

/**
 * Computing an answer has no effect but its cost, so what failed may be repeated. Not an attempt that timed out: the
 * model has done its work for nothing then, and would do it again when it is slow already.
 */
function retryAfterMs(thrown: unknown): number | undefined {
  return thrown instanceof EngineFailure && thrown.retryable ? (thrown.retryAfterMs ?? 0) : undefined;
}

function verdictOf(thrown: unknown): LimitVerdict {
  return thrown instanceof AttemptTimeout || (thrown instanceof EngineFailure && thrown.overloaded)
    ? "overload"
    : "nothing";
}
