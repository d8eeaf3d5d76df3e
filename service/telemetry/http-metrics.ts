import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Refusal } from "../http/http-limits.ts";
import type { LimitReason } from "../http/tenant-limits.ts";
import type { RequestRecord } from "./request-record.ts";

/** The edges hold the limits that latency is judged by: a classic histogram knows only its edges exactly. */
const durationEdges = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.3, 0.5, 0.8, 1, 1.5, 2, 5];

/**
 * Whom a request is counted for that showed no known key: one name, however many keys are tried; and one that showed
 * an admin's. A tenant's name has no underscore.
 */
const unknownTenant = "_unknown";
const admins = "_admin";

export function httpMetrics(register: Registry) {
  const registers = [register];
  const requests = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time from a request's arrival to its last byte; status 499: the caller left; 408: it took nothing of its stream",
    labelNames: ["route", "status"],
    buckets: durationEdges,
    registers,
  });
  const underWay = new Gauge({
    name: "http_requests_in_flight",
    help: "Requests that have arrived and are not answered to the end yet",
    registers,
  });
  const refusals = new Counter({
    name: "http_refused_connections_total",
    help: "Connections ended without a request that a route could answer, by reason",
    labelNames: ["reason"],
    registers,
  });
  const tenantRequests = new Counter({
    name: "tenant_requests_total",
    help: "Requests under /v1 by tenant and class of their status; _unknown: without a known key; _admin: with an admin's",
    labelNames: ["tenant", "status_class"],
    registers,
  });
  const tenantLimited = new Counter({
    name: "tenant_limited_total",
    help: "Requests refused by their tenant's own limits",
    labelNames: ["tenant", "reason"],
    registers,
  });
  const lostLines = new Counter({
    name: "access_log_lost_lines_total",
    help: "Lines dropped because the access log's destination was too slow",
    registers,
  });
  return {
    requestArrived(): void {
      underWay.inc();
    },
    /** @param route the name of one of the service's routes, or "unknown" */
    request(route: string, status: number, seconds: number): void {
      underWay.dec();
      requests.labels(route, String(status)).observe(seconds);
    },
    tenantRequest({ tenant, isAdmin }: Pick<RequestRecord, "tenant" | "isAdmin">, status: number): void {
      const label = tenant ?? (isAdmin ? admins : unknownTenant);
      tenantRequests.labels(label, `${Math.floor(status / 100)}xx`).inc();
    },
    tenantLimited(tenant: string, reason: LimitReason): void {
      tenantLimited.labels(tenant, reason).inc();
    },
    connectionRefused(reason: Refusal): void {
      refusals.labels(reason).inc();
    },
    accessLogLineLost(): void {
      lostLines.inc();
    },
  };
}
