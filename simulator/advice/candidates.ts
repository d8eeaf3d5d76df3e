import { type RequestLog, rowKind } from "../log/log.ts";
import type { PolicyName } from "../policies/catalog.ts";
import type { AnswersSpec, StrategySpec, TierSpec } from "../strategies/spec.ts";
import { longestFreshMs, redisPolicies } from "./recommend.ts";

export const strategyKinds = ["exact", "ttl", "normalised", "semantic", "tiered", "prefix"] as const;
export type StrategyKind = (typeof strategyKinds)[number];

export interface CandidateOptions {
  readonly kinds: readonly StrategyKind[];
  readonly policies: readonly PolicyName[];
  /** Number of sizes between a thousandth of what the log asks for and all of it. */
  readonly sizes: number;
  /** Sizes of answer caches, instead of `sizes`. */
  readonly capacities?: readonly number[];
  readonly unit: TierSpec["unit"];
  readonly ttlsMs: readonly number[];
  readonly thresholds: readonly number[];
  readonly similarity: "recorded" | "computed";
  readonly replicas: number;
  readonly routing: AnswersSpec["routing"];
}

/** The kinds of strategy that the log has the columns for. */
export function possibleKinds(log: RequestLog, hasVectors: boolean): StrategyKind[] {
  const repeats = log.keys < log.rows;
  const hasTimes = (log.timeMs.at(-1) ?? 0) > 0;
  return strategyKinds.filter((kind) => {
    if (kind === "prefix") return log.blocks !== undefined;
    if (kind === "semantic") return log.nearest !== undefined || hasVectors;
    if (kind === "normalised") return log.normalisedKeys < log.keys;
    if (kind === "ttl") return repeats && hasTimes;
    return repeats;
  });
}

/** The strategies that a sweep tries on the log. Belady is tried beside the policies asked for, as the bound. */
export function candidates(log: RequestLog, options: CandidateOptions): StrategySpec[] {
  const { kinds, policies, thresholds, similarity, replicas, routing, unit } = options;
  const capacities = options.capacities ?? logSpaced(footprint(log, unit), options.sizes);
  // A time to live that the log does not outlast changes nothing.
  const spanMs = log.timeMs[log.rows - 1] ?? 0;
  const ttlsMs = options.ttlsMs.filter((ttlMs) => ttlMs < spanMs);
  const specs: StrategySpec[] = [];
  const tier = (policy: PolicyName, capacity: number): TierSpec => ({ policy, capacity, unit });
  const answers = (given: Pick<AnswersSpec, "match" | "tiers"> & Partial<AnswersSpec>) =>
    specs.push({
      answers: { inclusion: "independent", replicas: 1, routing: "random", ...given },
      losses: [],
    });
  for (const capacity of capacities) {
    if (kinds.includes("exact")) {
      for (const policy of policies) {
        answers({ match: "exact", tiers: [tier(policy, capacity)] });
        const isTried = policy === "lru" && kinds.includes("ttl") && ttlsMs.includes(longestFreshMs);
        // The service keeps nothing for longer, and is advised only as it was replayed.
        if (redisPolicies[policy] !== undefined && spanMs > longestFreshMs && !isTried) {
          answers({ match: "exact", tiers: [tier(policy, capacity)], ttlMs: longestFreshMs });
        }
      }
    }
    if (kinds.includes("ttl")) {
      for (const ttlMs of ttlsMs) answers({ match: "exact", tiers: [tier("lru", capacity)], ttlMs });
    }
    if (kinds.includes("normalised")) answers({ match: "normalised", tiers: [tier("lru", capacity)] });
    if (kinds.includes("semantic")) {
      for (const threshold of thresholds) {
        const semantic = { similarity, threshold, chained: false };
        answers({ match: "semantic", tiers: [tier("lru", capacity)], semantic });
      }
    }
    if (kinds.includes("tiered")) {
      const front = Math.max(1, Math.round(capacity / 10));
      const back = tier("lru", capacity);
      const ofOwn = { match: "exact", replicas, routing } as const;
      for (const inclusion of ["independent", "inclusive", "exclusive"] as const) {
        answers({ ...ofOwn, tiers: [tier("lru", front), back], inclusion });
      }
      // What the service has where nothing else is set; for no longer than it keeps anything.
      answers({
        ...ofOwn,
        tiers: [tier("sieve", front), back],
        inclusion: "independent",
        ...(spanMs > longestFreshMs ? { ttlMs: longestFreshMs } : {}),
      });
    }
  }
  if (kinds.includes("prefix") && log.blocks !== undefined) {
    const { blocks, tokensPerBlock } = log.blocks;
    for (const capacity of logSpaced(blocks, options.sizes)) {
      for (const policy of policies) {
        if (policy === "belady") continue;
        specs.push({ prefix: { policy, capacityTokens: capacity * tokensPerBlock }, losses: [] });
      }
    }
  }
  return specs;
}

/** All that a log asks for, in the unit: what a cache needs to hold everything. */
function footprint(log: RequestLog, unit: TierSpec["unit"]): number {
  if (unit === "entries") return log.keys;
  const seen = new Uint8Array(log.keys);
  let sum = 0;
  for (let row = 0; row < log.rows; row++) {
    const key = log.key[row] as number;
    if (seen[key] === 1 || (log.kind !== undefined && log.kind[row] !== rowKind.request)) continue;
    const size =
      unit === "bytes"
        ? (log.bytes[row] as number)
        : (log.promptTokens[row] as number) + (log.outputTokens[row] as number);
    // A size that this row does not know may come with a later one, as in a replay.
    if (size === 0) continue;
    seen[key] = 1;
    sum += size;
  }
  return Math.max(1, sum);
}

/** Whole numbers from a thousandth of `most` to `most`, evenly spaced in their logarithm, each once. */
function logSpaced(most: number, count: number): number[] {
  const from = Math.max(1, most / 1000);
  const sizes = Array.from({ length: count }, (_, i) =>
    Math.round(from * (most / from) ** (count === 1 ? 1 : i / (count - 1))),
  );
  return [...new Set(sizes)];
}
