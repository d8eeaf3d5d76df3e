import { collectDefaultMetrics, Registry } from "prom-client";
import { answeringMetrics } from "./answering-metrics.ts";
import { cacheMetrics } from "./cache-metrics.ts";
import { dependencyMetrics } from "./dependency-metrics.ts";
import { httpMetrics } from "./http-metrics.ts";
import { invalidationMetrics } from "./invalidation-metrics.ts";
import { policyMetrics } from "./policy-metrics.ts";

/** What the service measures. Labels take few values, whatever callers send. */
export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return {
    contentType: register.contentType,
    text: () => register.metrics(),
    ...httpMetrics(register),
    ...cacheMetrics(register),
    ...answeringMetrics(register),
    ...dependencyMetrics(register),
    ...invalidationMetrics(register),
    ...policyMetrics(register),
  };
}
