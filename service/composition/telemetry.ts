import type { Logger } from "pino";
import type { LogProblem } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** What every part of the service reports to. */
export interface Telemetry {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly onProblem: LogProblem;
}
