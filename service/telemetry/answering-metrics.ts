import { Counter, Gauge, type Registry } from "prom-client";
import type { Trail } from "../answering/answering.ts";
import type { FlightEnd } from "../answering/coalesce.ts";
import type { LeaseResult } from "../answering/lease.ts";
import type { RefreshReason, RefreshResult } from "../answering/refresh.ts";

export function answeringMetrics(register: Registry) {
  const registers = [register];
  const ends = new Counter({
    name: "answer_flights_total",
    help: "New answers that were begun, by their end; abandoned: nobody waited any more",
    labelNames: ["end"],
    registers,
  });
  const waiting = new Gauge({
    name: "answers_waiting",
    help: "Callers, and refreshes, that wait for a new answer",
    registers,
  });
  const coalesced = new Counter({
    name: "answers_coalesced_total",
    help: "Requests answered by a call of the model that another request had begun, in this process or in another",
    labelNames: ["through"],
    registers,
  });
  const leases = new Counter({
    name: "lease_results_total",
    help: "What a lease came to; skipped: Redis could not be asked in time",
    labelNames: ["result"],
    registers,
  });
  const refreshes = new Counter({
    name: "refreshes_total",
    help: "Refreshes behind an answer that was served; limit: not begun, too many were under way",
    labelNames: ["reason", "result"],
    registers,
  });
  return {
    flights: {
      ended: (end: FlightEnd) => ends.labels(end).inc(),
      waiting: (change: 1 | -1) => waiting.inc(change),
    },
    answerCoalesced(through: NonNullable<Trail["coalesced"]>): void {
      coalesced.labels(through).inc();
    },
    leaseResult(result: LeaseResult): void {
      leases.labels(result).inc();
    },
    refresh(reason: RefreshReason, result: RefreshResult): void {
      refreshes.labels(reason, result).inc();
    },
  };
}
