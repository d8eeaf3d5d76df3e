import type { RequestHandler } from "express";

export type Readiness = "starting" | "ready" | "draining";

/**
 * GET /health/ready: whether requests should be sent here.
 *
 * A service that can answer degraded is ready: if every replica left for the same outage, nobody would answer.
 */
export function ready(readiness: () => Readiness): RequestHandler {
  return (_req, res) => {
    const status = readiness();
    res.status(status === "ready" ? 200 : 503).json({ status });
  };
}
