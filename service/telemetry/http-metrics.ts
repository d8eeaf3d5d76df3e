import { Histogram, type Registry } from "prom-client";

/** The edges hold the limits that latency is judged by: a classic histogram knows only its edges exactly. */
const durationEdges = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.3, 0.5, 0.8, 1, 1.5, 2, 5];

export function httpMetrics(register: Registry) {
  const requests = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time from a request's arrival to its last byte; status 499: the caller left",
    labelNames: ["route", "status"],
    buckets: durationEdges,
    registers: [register],
  });
  return {
    /** @param route the name of one of the service's routes, or "unknown" */
    request(route: string, status: number, seconds: number): void {
      requests.labels(route, String(status)).observe(seconds);
    },
  };
}
