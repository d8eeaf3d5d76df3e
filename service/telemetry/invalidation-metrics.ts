import { Counter, Gauge, type Registry } from "prom-client";

/** What is read when the metrics are asked for. */
export interface InvalidationState {
  /** undefined: nothing is known yet. */
  ageMs(): number | undefined;
  epoch(): number;
  markCount(): number;
}

export function invalidationMetrics(register: Registry) {
  const registers = [register];
  const learnt = new Counter({
    name: "invalidations_total",
    help: "Scopes that were invalidated, by how this replica came to know of it",
    labelNames: ["kind", "source"],
    registers,
  });
  const subscribed = new Gauge({
    name: "invalidation_subscribed",
    help: "1 where messages of invalidations come; else they are only polled",
    registers,
  });
  return {
    invalidationLearnt(
      kind: "key" | "tag" | "model" | "tenant" | "other",
      source: "request" | "message" | "poll",
    ): void {
      learnt.labels(kind, source).inc();
    },
    invalidationSubscribed(is: boolean): void {
      subscribed.set(is ? 1 : 0);
    },
    /** To be called once. */
    watchInvalidations(state: InvalidationState): void {
      const gauge = (name: string, help: string, value: () => number) =>
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(value());
          },
        });
      gauge(
        "invalidation_knowledge_age_seconds",
        "How long ago this replica last knew all invalidations; -1: not yet",
        () => (state.ageMs() ?? -1000) / 1000,
      );
      gauge("invalidation_sequence", "The number of the latest invalidation known", state.epoch);
      gauge("invalidation_marks", "Invalidations that are told apart", state.markCount);
    },
  };
}
