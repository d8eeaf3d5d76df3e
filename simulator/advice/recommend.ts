import { middle } from "../money/range.ts";
import type { PolicyName } from "../policies/catalog.ts";
import type { StrategySpec, TierSpec } from "../strategies/spec.ts";
import type { Evaluation } from "./evaluate.ts";
import { kneeOf, paretoFront } from "./front.ts";

export interface Advice {
  /** What is gained: US dollars, or where the log has no prices the share of tokens or of requests. */
  readonly gainIs: "net saving" | "token share" | "request share";
  /**
   * What the model's bill falls by (before the cache's own cost) against memory; by rising memory. Bounds that no one
   * can run (Belady) are not on it.
   */
  readonly front: readonly Evaluation[];
  readonly knee: Evaluation | undefined;
  /**
   * The smallest that reaches 95 % of the largest gain, the cache's own cost taken off. Undefined where none gains
   * anything. Never a semantic one beside others: no log says whether a similar request's answer would have been right.
   */
  readonly recommended: Evaluation | undefined;
  /** The same among what the reference service can run (`isDeployable`). */
  readonly deployable: Evaluation | undefined;
}

const enough = 0.95;

/** The service accepts up to a day; a strategy without a TTL, on a log no longer than that, is written as that. */
export const longestFreshMs = 86_400_000;

/**
 * Chooses among evaluated strategies. A gain that is a range is taken at its low end: a recommendation must hold on
 * the cautious reading of what the log leaves open.
 *
 * @param spanMs how long the log is: the service keeps an answer for a day at most
 */
export function recommend(evaluations: readonly Evaluation[], spanMs: number): Advice {
  const runnable = evaluations.filter(({ spec }) => !usesPolicy(spec, "belady"));
  const hasMoney = runnable.some(({ money }) => money !== undefined && money.before.high > 0);
  const hasTokens = runnable.some(({ summary }) => !Number.isNaN(summary.hitShare.byToken));
  const shareOf = ({ summary: { hitShare } }: Evaluation) =>
    hasTokens ? hitShare.byToken : hitShare.byRequest;
  const grossOf = (evaluation: Evaluation): number =>
    hasMoney ? (evaluation.money?.saving.low ?? Number.NEGATIVE_INFINITY) : shareOf(evaluation);
  const netOf = (evaluation: Evaluation): number =>
    hasMoney ? (evaluation.money?.netSaving.low ?? Number.NEGATIVE_INFINITY) : shareOf(evaluation);
  const choose = (of: readonly Evaluation[]) => {
    const best = of.reduce((most, evaluation) => Math.max(most, netOf(evaluation) || 0), 0);
    if (best === 0) return undefined;
    return of
      .filter((evaluation) => netOf(evaluation) >= enough * best)
      .reduce((least, evaluation) => (memoryOf(evaluation) < memoryOf(least) ? evaluation : least));
  };
  const certain = runnable.filter(({ spec }) => spec.answers?.match !== "semantic");
  const points = runnable.map((evaluation) => ({
    size: memoryOf(evaluation),
    gain: grossOf(evaluation),
    evaluation,
  }));
  const front = paretoFront(points).filter(({ gain }) => gain > 0);
  return {
    gainIs: hasMoney ? "net saving" : hasTokens ? "token share" : "request share",
    front: front.map(({ evaluation }) => evaluation),
    knee: kneeOf(front)?.evaluation,
    recommended: choose(certain.length > 0 ? certain : runnable),
    deployable: choose(runnable.filter(({ spec }) => isDeployable(spec, spanMs))),
  };
}

function memoryOf({ memoryBytes }: Evaluation): number {
  return middle(memoryBytes);
}

/** Redis evicts by an approximation of LRU or LFU, and the reference service asks for the exact request with a TTL. */
export const redisPolicies: Partial<Record<PolicyName, string>> = { lru: "allkeys-lru", lfu: "allkeys-lfu" };

/** What the reference service knows for the tier in its own memory. */
const localPolicies: readonly PolicyName[] = ["lru", "sieve", "s3-fifo"];

/** Whether the reference service with its Redis can be set to do this. */
export function isDeployable({ answers, prefix }: StrategySpec, spanMs: number): boolean {
  if (prefix !== undefined || answers === undefined || answers.match !== "exact") return false;
  const [first, second] = answers.tiers;
  const isInRedis = (tier: TierSpec) => redisPolicies[tier.policy] !== undefined;
  const fits =
    second === undefined
      ? answers.replicas === 1 && isInRedis(first)
      : answers.inclusion === "independent" && localPolicies.includes(first.policy) && isInRedis(second);
  // An answer that would be kept for longer was not, in a log that is no longer than that.
  return fits && (answers.ttlMs ?? spanMs) <= longestFreshMs;
}

function usesPolicy({ answers, prefix }: StrategySpec, name: PolicyName): boolean {
  return prefix?.policy === name || (answers?.tiers.some(({ policy }) => policy === name) ?? false);
}

/**
 * What a node needs of `maxmemory` beside the answers, in MiB. Measured with Redis 7.0: an empty node of a cluster counts
 * 1.7 to 2.4 MB as used, and each connection about 40 KB more. Where the limit is below that, every SET is refused.
 */
const redisOwnMiB = 16;

/** For the tier in memory: the service takes no entry over a sixteenth of it, so that of a few KiB it would be empty. */
const leastLocalBytes = 2 ** 20;

function localMaxBytes(bytes: number): number {
  return Math.max(leastLocalBytes, Math.ceil(bytes));
}

/** What the service's environment rests on beside the strategy. */
export interface Replayed {
  readonly assumptions: readonly string[];
  readonly spanMs: number;
  /** Whether answers were served that the log's own rule did not let in: some may have been drawn at random. */
  readonly sampled: boolean;
}

/**
 * The service's environment for a strategy, as lines of an env file. Redis has its own settings, so they
 * stand beside it as comments.
 *
 * @throws RangeError for a strategy that the service cannot run
 */
export function serviceEnvironment(
  { spec, label, memoryBytes, localBytes }: Evaluation,
  { assumptions, spanMs, sampled }: Replayed,
): string {
  const { answers } = spec;
  const shared = answers?.tiers.at(-1);
  const policy = shared === undefined ? undefined : redisPolicies[shared.policy];
  if (!isDeployable(spec, spanMs) || answers === undefined || policy === undefined) {
    throw new RangeError(
      `Cannot write "${label}" as the service's environment: the service has no such cache`,
    );
  }
  const { replicas, routing, tiers } = answers;
  const freshMs = Math.max(1, Math.round(answers.ttlMs ?? longestFreshMs));
  const sharedBytes = memoryBytes.high - replicas * localBytes.high;
  const answersMiB = Math.max(1, Math.ceil(sharedBytes / 2 ** 20));
  const local =
    tiers.length === 1
      ? [
          "# As replayed, one tier that all replicas share: the Redis that BW_REDIS_NODES names. The one in each process's",
          "# memory, of the service's own size, is on before it: a service without Redis would cache nothing.",
          "BW_CACHE_L1=on",
          "# For a single replica without Redis, to hold what was replayed:",
          `#BW_CACHE_L1_MAX_BYTES=${localMaxBytes(sharedBytes)}`,
        ]
      : [
          `# For each of ${replicas} replicas, reached by ${routing} routing.`,
          "BW_CACHE_L1=on",
          `BW_CACHE_L1_POLICY=${tiers[0].policy}`,
          `BW_CACHE_L1_MAX_BYTES=${localMaxBytes(localBytes.high)}`,
        ];
  return [
    `# Chosen by the simulator: ${label}`,
    ...assumptions.map((line) => `# Assumed: ${line}`),
    `BW_CACHE_FRESH_MS=${freshMs}`,
    ...local,
    ...(sampled
      ? [
          "# The replay has served answers that were drawn at random (temperature above 0), where they were in it. To do so:",
          "#BW_CACHE_SAMPLED=on",
        ]
      : []),
    `# For Redis (redis.conf): ${answersMiB} MiB for the answers, and ${redisOwnMiB} MiB that a node takes for itself and its`,
    `# connections. This is for one master; of n, each needs ${redisOwnMiB} + ${answersMiB} / n.`,
    `#   maxmemory ${redisOwnMiB + answersMiB}mb`,
    `#   maxmemory-policy ${policy}`,
    "",
  ].join("\n");
}
