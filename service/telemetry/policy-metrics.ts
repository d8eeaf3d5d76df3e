import { Counter, Gauge, type Registry } from "prom-client";
import { type Priority, priorities } from "../resilience/priority.ts";
import type { RetryDecision } from "../resilience/retry.ts";

/** What has a limit on how many calls it may have under way. */
export type Limited = "service" | "model";

/** Read when the metrics are. */
export interface Concurrency {
  readonly limit: () => number;
  readonly inFlight: () => number;
  readonly waiting: () => number;
}

export function policyMetrics(register: Registry) {
  const registers = [register];
  const limited = new Map<Limited, Concurrency>();
  const gauge = (name: string, help: string, read: (of: Concurrency) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["of"],
      registers,
      collect() {
        for (const [of, concurrency] of limited) this.labels(of).set(read(concurrency));
      },
    });
  gauge("concurrency_limit", "Calls that may be under way at once", ({ limit }) => limit());
  gauge("concurrency_in_flight", "Calls under way", ({ inFlight }) => inFlight());
  gauge("concurrency_waiting", "Calls that wait for one to end", ({ waiting }) => waiting());
  const retries = new Counter({
    name: "retries_total",
    help: "Attempts that failed and might have been made again, by what was decided; retried: made again",
    labelNames: ["dependency", "decision"],
    registers,
  });
  const shed = new Counter({
    name: "shed_requests_total",
    help: "Requests that were not begun, because the service had as much to do as it can",
    labelNames: ["priority"],
    registers,
  });
  for (const priority of priorities) shed.labels(priority).inc(0);
  return {
    concurrency(of: Limited, concurrency: Concurrency): void {
      limited.set(of, concurrency);
    },
    retryDecision(dependency: "model", decision: RetryDecision): void {
      retries.labels(dependency, decision).inc();
    },
    shed(priority: Priority): void {
      shed.labels(priority).inc();
    },
  };
}
