import type { StrategyKind } from "./advice/candidates.ts";
import type { EvaluationInput } from "./advice/evaluate.ts";
import { longestFreshMs } from "./advice/recommend.ts";
import type { HitTimes } from "./latency/requests.ts";
import { requestsIn, tokensIn } from "./log/log.ts";
import { notReplayed } from "./log/problems.ts";
import type { ReadReport } from "./log/read.ts";
import { duration } from "./report/figures.ts";
import type { Settings } from "./settings.ts";

/** Share of tokens without a price from which the report says that its money is too low. */
const mostUnpriced = 0.01;

interface Known {
  readonly input: EvaluationInput;
  readonly settings: Settings;
  readonly kinds: readonly StrategyKind[];
  readonly read: ReadReport;
  readonly hits: HitTimes;
  /** Of the requests' vectors, where one has made them while the log was read. */
  readonly embedder: string | undefined;
  /** Whether the log has no sizes of answers. */
  readonly bytesEstimated: boolean;
}

/** All that a simulation takes for granted, whatever its latency is from. */
export function assumed(known: Known): string[] {
  return [
    ...assumedOfHits(known),
    ...assumedOfLifetimes(known),
    ...assumedOfMemory(known),
    ...assumedOfMoney(known),
    ...assumedOfSimilarity(known),
    ...assumedOfTimes(known),
  ];
}

function assumedOfHits({ input: { log }, settings, read, hits }: Known): string[] {
  const unruled = requestsIn(log) - read.ruled;
  const cacheable =
    read.ruled === 0
      ? "answers are cacheable whatever their temperature, where the log has no rule of its own"
      : `the log's own rule says which answers are cacheable${unruled === 0 ? "" : `; so are those of ${counted(unruled, "request")} that it does not let in, whatever their temperature`}`;
  return [
    `A hit takes ${hits.localMs} ms in the process and ${hits.sharedMs} ms over the network, and ${cacheable}.`,
    ...(settings.warmup > 0
      ? [`The first ${100 * settings.warmup} % of the rows warm the caches and are not counted.`]
      : []),
  ];
}

/** What the log could not show of an answer's end: what took it away, and what it would not have outlived. */
function assumedOfLifetimes({ input: { log }, settings, kinds, read }: Known): string[] {
  const dropped = [
    [read.notes[notReplayed.byTag] ?? 0, "tag"],
    [read.notes[notReplayed.byModel] ?? 0, "model"],
  ] as const;
  const invalidations = dropped.filter(([count]) => count > 0);
  const spanMs = log.timeMs[log.rows - 1] ?? 0;
  const unreached = settings.ttl.filter((ttlMs) => ttlMs >= spanMs);
  return [
    ...(invalidations.length === 0
      ? []
      : [
          `${invalidations.map(([count, by]) => `${counted(count, "invalidation")} by ${by}`).join(" and ")} not replayed, since the log does not say what they drop: the answers stay, and hits are too many by as much.`,
        ]),
    ...(spanMs > 0 && spanMs <= longestFreshMs && kinds.some((kind) => kind !== "prefix")
      ? [
          `The log is ${duration(spanMs)} long, and an answer without a time to live is kept for all of it: what the service's longest, ${duration(longestFreshMs)}, would end is not seen.`,
        ]
      : []),
    ...(spanMs > 0 && unreached.length > 0 && kinds.some((kind) => kind !== "prefix")
      ? [
          `Of --ttl, ${unreached.map(duration).join(", ")} ${unreached.length === 1 ? "is" : "are"} no shorter than the log (${duration(spanMs)}) and not tried.`,
        ]
      : []),
  ];
}

function assumedOfMemory({ input: { infrastructure, answerBytes }, bytesEstimated }: Known): string[] {
  const { redisGiBHourUsd, redisCopies, memoryGiBHourUsd, source, date } = infrastructure;
  return [
    `Redis $${redisGiBHourUsd} per GiB and hour, ${redisCopies} copies; plain memory $${memoryGiBHourUsd}: ${source}, ${date}. 200 bytes beside each answer; a full cache is paid for as if full from the start.`,
    ...(bytesEstimated
      ? [
          `The log has no sizes of answers: ${Math.round(answerBytes.low)} to ${Math.round(answerBytes.high)} bytes, from their tokens.`,
        ]
      : []),
  ];
}

function assumedOfMoney({ input: { log, cost, infrastructure }, settings }: Known): string[] {
  const lines: string[] = [];
  if (cost.by === "gpu") {
    lines.push(
      `Self-hosted at $${infrastructure.gpuHourUsd} per GPU hour; GPU time: ${cost.gpu.profile.source}, decode steps shared by 32. GPU hours count as used: where engines are reserved, only whole engines less save anything.`,
    );
  }
  if (cost.by === "api") {
    if (settings.model !== undefined)
      lines.push(`Rows that name no model are priced as "${settings.model}".`);
    if (log.wallStartMs === undefined) {
      lines.push(
        "The log has no wall-clock time: where a price depends on the hour, from the cheapest to the dearest.",
      );
    }
    const tokens = tokensIn(log);
    const { unpricedTokens } = cost.pricing;
    if (unpricedTokens > mostUnpriced * tokens) {
      lines.push(
        `${Math.round((100 * unpricedTokens) / tokens)} % of the tokens have no price and count as free: bill and saving are too low. Price them with --prices.`,
      );
    }
  }
  if (log.cachedTokens !== undefined) {
    lines.push(
      "The provider's own cached tokens stay as logged, though fewer requests may keep its cache less warm.",
    );
  }
  if (log.blocks !== undefined) {
    lines.push(
      `Prompt blocks live in one pool that all engines reach${cost.by === "api" ? ", the provider's, whose memory costs nothing here" : ""}; a provider's minimum length and lifetime of a prefix are not modelled.`,
    );
  }
  return lines;
}

function assumedOfSimilarity({ kinds, embedder }: Known): string[] {
  if (!kinds.includes("semantic")) return [];
  return [
    ...(embedder === undefined ? [] : [`Similarity is the cosine of vectors of embedder "${embedder}".`]),
    "A semantic hit counts as right, and the log cannot say whether it is: such a cache is not recommended beside others. Embedding each request is not in the cost.",
  ];
}

function assumedOfTimes({ input: { log } }: Known): string[] {
  return [
    (log.timeMs[log.rows - 1] ?? 0) > 0
      ? "A request that comes while its answer is being made (joined) counts as a hit; the cautious end of a range has it pay again."
      : "The log has no times: every answer counts as made at once, and the cache's memory, paid by the hour, as free.",
  ];
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;
}
