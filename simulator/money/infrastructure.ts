import type { RequestLog } from "../log/log.ts";
import type { AnswersSpec, StrategySpec, TierSpec } from "../strategies/spec.ts";
import { exactly, plus, type Range } from "./range.ts";

/** What a cache's own memory costs. */
export interface InfrastructurePrices {
  readonly source: string;
  readonly date: string;
  /** US dollars per GiB and hour in a managed Redis, for the tier that all replicas share. */
  readonly redisGiBHourUsd: number;
  /** Copies of each entry in Redis: a master and its replicas. */
  readonly redisCopies: number;
  /** US dollars per GiB and hour of plain memory, for tiers in a process and for KV blocks beside the GPU. */
  readonly memoryGiBHourUsd: number;
  readonly gpuHourUsd: number;
}

/**
 * Round figures to begin with, in the order of magnitude of public cloud lists in 2026. They are assumptions, not
 * anybody's quote: every report says so until the user's table replaces them.
 */
export const assumedInfrastructure: InfrastructurePrices = {
  source: "assumed round figures (give your own with --prices)",
  date: "2026-11-23",
  redisGiBHourUsd: 0.02,
  redisCopies: 2,
  memoryGiBHourUsd: 0.005,
  gpuHourUsd: 3,
};

/** Redis keeps about so much beside an answer: a key of 100 bytes, its dictionary entry and two allocations. */
const overheadBytes = 200;

/** Bytes of an answer whose size the log does not have: its tokens as UTF-8, and the JSON around them. */
const estimate = { low: { perToken: 3, envelope: 300 }, high: { perToken: 6, envelope: 900 } };

/** The mean size of a stored answer in bytes, and whether the log had it. */
export function meanAnswerBytes(log: RequestLog): Range & { readonly isEstimate: boolean } {
  let bytes = 0;
  let withBytes = 0;
  let tokens = 0;
  for (let row = 0; row < log.rows; row++) {
    const size = log.bytes[row] as number;
    if (size > 0) {
      bytes += size;
      withBytes += 1;
    }
    tokens += log.outputTokens[row] as number;
  }
  if (withBytes > 0) return { ...exactly(bytes / withBytes), isEstimate: false };
  const mean = log.rows === 0 ? 0 : tokens / log.rows;
  return {
    low: estimate.low.envelope + estimate.low.perToken * mean,
    high: estimate.high.envelope + estimate.high.perToken * mean,
    isEstimate: true,
  };
}

export interface CacheMemory {
  /** In a process on each replica, all replicas together. */
  readonly localBytes: Range;
  /** In the tier that all share, one copy. */
  readonly sharedBytes: Range;
  /** KV blocks of prompts. */
  readonly blockBytes: number;
}

/**
 * The memory that a strategy takes when it is full (or holds every key). A single tier on one replica counts
 * as shared: it stands for Redis.
 */
export function memoryOf(
  { answers, prefix }: StrategySpec,
  inputs: {
    keys: number;
    answerBytes: Range;
    meanTokens: number;
    blockTokens: number;
    kvBytesPerToken: number;
  },
): CacheMemory {
  const { keys, answerBytes, meanTokens, blockTokens, kvBytesPerToken } = inputs;
  const tierBytes = (tier: TierSpec): Range => {
    if (tier.unit === "bytes") {
      const of = (mean: number) =>
        Math.min(tier.capacity, keys * mean) * (1 + overheadBytes / Math.max(1, mean));
      return { low: of(answerBytes.high), high: of(answerBytes.low) };
    }
    const held = tier.unit === "entries" ? tier.capacity : tier.capacity / Math.max(1, meanTokens);
    const entries = Math.min(held, keys);
    return {
      low: entries * (answerBytes.low + overheadBytes),
      high: entries * (answerBytes.high + overheadBytes),
    };
  };
  const none = exactly(0);
  return {
    ...(answers === undefined ? { localBytes: none, sharedBytes: none } : answersMemory(answers, tierBytes)),
    blockBytes: prefix === undefined ? 0 : Math.min(prefix.capacityTokens, blockTokens) * kvBytesPerToken,
  };
}

function answersMemory({ tiers, replicas }: AnswersSpec, tierBytes: (tier: TierSpec) => Range) {
  const first = tierBytes(tiers[0]);
  const second = tiers[1];
  if (second === undefined && replicas === 1) return { localBytes: exactly(0), sharedBytes: first };
  return {
    localBytes: { low: first.low * replicas, high: first.high * replicas },
    sharedBytes: second === undefined ? exactly(0) : tierBytes(second),
  };
}

/** What the memory costs over a time, in US dollars. KV blocks cost only those who run the engines themselves. */
export function cacheUsd(
  memory: CacheMemory,
  hours: number,
  prices: InfrastructurePrices,
  selfHosted: boolean,
): Range {
  const gib = (bytes: number) => bytes / 2 ** 30;
  const at = ({ low, high }: Range, hourUsd: number): Range => ({
    low: gib(low) * hours * hourUsd,
    high: gib(high) * hours * hourUsd,
  });
  const blocks = selfHosted ? exactly(gib(memory.blockBytes) * hours * prices.memoryGiBHourUsd) : exactly(0);
  return plus(
    plus(
      at(memory.localBytes, prices.memoryGiBHourUsd),
      at(memory.sharedBytes, prices.redisGiBHourUsd * prices.redisCopies),
    ),
    blocks,
  );
}
