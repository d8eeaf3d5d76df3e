import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { BreakerState } from "../resilience/breaker.ts";

export type CacheResult = "hit" | "stale" | "miss" | "bypass" | "damaged";
export type Dependency = "redis-read" | "redis-write" | "model";
export type CallOutcome =
  | "ok"
  | "error"
  | "timeout"
  | "breaker-open"
  | "bulkhead-full"
  | "refused"
  | "cancelled";

/** The edges hold the limits that latency is judged by: a classic histogram knows only its edges exactly. */
const durationEdges = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.3, 0.5, 0.8, 1, 1.5, 2, 5];

const stateValue: Record<BreakerState, number> = { closed: 0, "half-open": 1, open: 2 };

/** What the service measures. Labels take few values, whatever callers send. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** @param route the name of one of the service's routes, or "unknown" */
  request(route: string, status: number, seconds: number): void;
  cacheResult(result: CacheResult): void;
  dependencyCall(dependency: Dependency, outcome: CallOutcome): void;
  /** @param dependency "model", or "redis/host:port" for a shard */
  breakerState(dependency: string, state: BreakerState): void;
  forgetBreaker(dependency: string): void;
}

export function createMetrics(): Metrics {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const requests = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time from a request's arrival to its last byte; status 499: the caller left",
    labelNames: ["route", "status"],
    buckets: durationEdges,
    registers,
  });
  const cacheResults = new Counter({
    name: "cache_results_total",
    help: "What the cache had for a request; damaged entries are counted as misses too",
    labelNames: ["result"],
    registers,
  });
  const calls = new Counter({
    name: "dependency_calls_total",
    help: "Calls of a dependency by how they ended; breaker-open and bulkhead-full were not made",
    labelNames: ["dependency", "outcome"],
    registers,
  });
  const breakers = new Gauge({
    name: "breaker_state",
    help: "0 closed, 1 half-open, 2 open",
    labelNames: ["dependency"],
    registers,
  });
  return {
    contentType: register.contentType,
    text: () => register.metrics(),
    request: (route, status, seconds) => requests.labels(route, String(status)).observe(seconds),
    cacheResult: (result) => cacheResults.labels(result).inc(),
    dependencyCall: (dependency, outcome) => calls.labels(dependency, outcome).inc(),
    breakerState: (dependency, state) => breakers.labels(dependency).set(stateValue[state]),
    forgetBreaker: (dependency) => breakers.remove(dependency),
  };
}
