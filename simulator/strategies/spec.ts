import { z } from "zod";
import { type PolicyName, policies } from "../policies/catalog.ts";

const policyName = z.enum(Object.keys(policies) as [PolicyName, ...PolicyName[]]);

const tier = z.strictObject({
  policy: policyName,
  /** In `unit`. */
  capacity: z.int().positive(),
  /** `tokens`: prompt and answer together, as a key-value cache would hold them. */
  unit: z.enum(["entries", "bytes", "tokens"]).default("entries"),
});

/** Which entry answers a request that has none of its own. */
const semantic = z.strictObject({
  /** `recorded`: the log's own nearest row. `computed`: the nearest entry held, by the vectors given. */
  similarity: z.enum(["recorded", "computed"]),
  /** Accepted at a score of at least this. */
  threshold: z.number(),
  /**
   * Recorded similarity alone, where the nearest row was itself answered by another's entry: whether that entry
   * answers (the optimistic reading) or, its similarity being unknown, does not.
   */
  chained: z.boolean().default(false),
});

const answers = z.strictObject({
  match: z.enum(["exact", "normalised", "semantic"]),
  /** First the tier in front (L1), then the one behind it (L2). */
  tiers: z.union([z.tuple([tier]), z.tuple([tier, tier])]),
  /** An answer older than this, counted from when it was asked for, is not served. */
  ttlMs: z.number().positive().optional(),
  semantic: semantic.optional(),
  /**
   * Two tiers alone. `exclusive`: an answer is in one tier at a time; what L1 evicts goes to L2, what L2 serves goes
   * to L1. `inclusive`: what L2 evicts leaves L1 too. `independent`: both are filled, and each evicts for itself.
   */
  inclusion: z.enum(["inclusive", "exclusive", "independent"]).default("independent"),
  /** Replicas, each with an L1 of its own of the stated capacity. */
  replicas: z.int().min(1).max(256).default(1),
  /** How requests come to replicas. `sticky`: a client keeps its replica; the log must name clients. */
  routing: z.enum(["random", "consistent-hash", "sticky"]).default("random"),
});

const prefix = z.strictObject({ policy: policyName, capacityTokens: z.int().positive() });

const loss = z.strictObject({
  /** Log time. */
  atMs: z.number().nonnegative(),
  /** How long the node is away. Meanwhile its keys are neither found nor stored. */
  downMs: z.number().nonnegative().default(0),
  /** `l1` is a replica's own tier, `l2` a shard of the tier behind, `all` everything, the prefix cache too. */
  what: z.enum(["l1", "l2", "all"]),
  /** Which replica (`l1`) or shard (`l2`). */
  node: z.int().nonnegative().default(0),
  /** Shards of L2 (or of the only tier); keys are spread over them evenly. */
  shards: z.int().positive().default(1),
});

/** A cache strategy as plain data: it can be printed, stored and sent to a worker. */
export const strategySchema = z.strictObject({
  answers: answers.optional(),
  /** Reuse of prompt blocks at the engine, for requests that `answers` does not serve. */
  prefix: prefix.optional(),
  losses: z.array(loss).default([]),
});

export type StrategySpec = z.output<typeof strategySchema>;
export type AnswersSpec = z.output<typeof answers>;
export type PrefixSpec = z.output<typeof prefix>;
export type TierSpec = z.output<typeof tier>;
export type Loss = z.output<typeof loss>;

/** One line for tables: what the strategy is, without its losses. */
export function describe({ answers, prefix }: StrategySpec): string {
  const parts: string[] = [];
  if (answers !== undefined) {
    const { match, tiers, ttlMs, semantic, inclusion, replicas, routing } = answers;
    const sizes = tiers.map(
      ({ policy, capacity, unit }) => `${policy} ${capacity.toLocaleString("en-US")} ${unit}`,
    );
    parts.push(
      [
        match,
        ...(semantic === undefined ? [] : [`≥ ${semantic.threshold}`]),
        sizes.join(` + ${inclusion} `),
        ...(replicas === 1 ? [] : [`× ${replicas} replicas, ${routing}`]),
        ...(ttlMs === undefined ? [] : [`ttl ${ttlMs / 1000} s`]),
      ].join(" "),
    );
  }
  if (prefix !== undefined) {
    parts.push(`prefix ${prefix.policy} ${prefix.capacityTokens.toLocaleString("en-US")} tokens`);
  }
  return parts.length === 0 ? "no cache" : parts.join(" + ");
}
