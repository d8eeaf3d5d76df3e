import type { RequestHandler } from "express";
import type { Metrics } from "../telemetry/metrics.ts";

/** GET /metrics, for Prometheus. */
export function metricsRoute(metrics: Metrics): RequestHandler {
  return async (_req, res) => {
    res.setHeader("content-type", metrics.contentType);
    res.end(await metrics.text());
  };
}
