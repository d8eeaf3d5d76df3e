import { Counter, type Registry } from "prom-client";

export type CacheResult = "hit" | "stale" | "miss" | "bypass" | "damaged";

export function cacheMetrics(register: Registry) {
  const results = new Counter({
    name: "cache_results_total",
    help: "What the cache had for a request; damaged entries are counted as misses too",
    labelNames: ["result"],
    registers: [register],
  });
  return {
    cacheResult(result: CacheResult): void {
      results.labels(result).inc();
    },
  };
}
