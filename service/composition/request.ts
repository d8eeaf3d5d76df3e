import type { Config } from "../config/config.ts";
import { adaptiveLimit } from "../resilience/adaptive-limit.ts";
import { eventLoopDelay } from "../resilience/event-loop-delay.ts";
import { type Shedding, shedding } from "../resilience/shedding.ts";
import { type RequestGuard, requestGuard } from "../routes/request-guard.ts";
import type { Metrics } from "../telemetry/metrics.ts";

const now = performance.now.bind(performance);

/** Long enough that one pause is not overload, short enough to be felt within a second. */
const loopDelayOverMs = 500;

/** What stands around every request: see routes/request-guard.ts for their order. */
export function guardOfRequests({ timeouts, shed }: Config, metrics: Metrics): RequestGuard {
  return requestGuard({
    deadlines: timeouts?.deadlines,
    admission: shed && admission(shed, metrics).policy,
    now,
  });
}

function admission(settings: NonNullable<Config["shed"]>, metrics: Metrics): Shedding {
  const limit = adaptiveLimit(settings);
  const admitted = shedding({
    limit,
    delayMs: eventLoopDelay(loopDelayOverMs, now),
    onShed: metrics.shed,
    now,
  });
  metrics.concurrency("service", { limit: limit.current, inFlight: admitted.inFlight, waiting: () => 0 });
  return admitted;
}
