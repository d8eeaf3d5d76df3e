import { possibleKinds, type StrategyKind } from "./advice/candidates.ts";
import type { EvaluationInput } from "./advice/evaluate.ts";
import { assumed } from "./assumptions.ts";
import { InputError } from "./input-error.ts";
import { type Profile, readProfile } from "./latency/profile.ts";
import { answerTimes, type HitTimes, type LatencyBasis } from "./latency/requests.ts";
import { type RequestLog, requestsIn, tokensIn } from "./log/log.ts";
import type { ReadReport } from "./log/read.ts";
import { gpuMsByRow } from "./money/gpu.ts";
import { meanAnswerBytes } from "./money/infrastructure.ts";
import { priceLog } from "./money/pricing.ts";
import { readPrices } from "./money/read-prices.ts";
import type { Settings } from "./settings.ts";
import type { SimulationOptions } from "./simulate.ts";
import type { RequestVectors } from "./strategies/embedder.ts";
import { readVectors } from "./strategies/read-vectors.ts";

export interface Prepared {
  readonly options: Omit<SimulationOptions, "onProgress">;
  /** All that was taken for granted, for the report. */
  readonly assumptions: readonly string[];
}

/** Busy share up to which engines are planned, where their number is not given. */
const targetUtilisation = 0.7;
/** A lookup in the process is a hash table; one in Redis a round trip inside a data centre. */
const hits: HitTimes = { localMs: 0.05, sharedMs: 1 };
/** Logs with more rows are swept at fewer sizes, unless told otherwise. */
const manyRows = 500_000;

/**
 * Makes of a log and the user's settings what a simulation needs, and says what was assumed on the way.
 *
 * @param embedded the vectors of its requests, where an embedder has made them while it was read
 * @throws InputError
 */
export async function prepare(
  { log, report: read }: { readonly log: RequestLog; readonly report: ReadReport },
  settings: Settings,
  embedded?: RequestVectors,
): Promise<Prepared> {
  const profile = readProfile();
  const { source, infrastructure } = await readPrices(settings);
  const assumptions: string[] = [];
  const pricing = priceLog(log, source, settings.model);
  const requests = requestsIn(log);
  const tokens = tokensIn(log);
  const isPriced = pricing.unpricedRequests < requests && tokens > 0;
  const by = settings.cost !== "auto" ? settings.cost : isPriced ? "api" : tokens > 0 ? "gpu" : "none";
  if (by === "api" && !isPriced) {
    throw new InputError(
      "NO_PRICES",
      `Cannot price log "${log.name}": ${source.source} has no price for ${pricing.unpricedModels.map((name) => `"${name}"`).join(", ")}`,
      "Name the model to assume (--model), give a table of prices (--prices), or count GPU hours (--cost gpu).",
    );
  }
  const missMs =
    by === "gpu" || settings.latency === "engines" ? gpuMsByRow(log, profile) : new Float32Array();
  if (embedded !== undefined && embedded.embedded === 0) {
    throw new InputError(
      "NOT_IN_LOG",
      `Cannot embed the requests of log "${log.name}": it has none of their texts`,
      "Take a log with request bodies, or give vectors (--embeddings).",
    );
  }
  const vectors = embedded?.of(log.keys) ?? (await readVectors(log, settings));
  const kinds = settings.strategies ?? possibleKinds(log, vectors !== undefined);
  if (kinds.length === 0) {
    throw new InputError(
      "NOTHING_REPEATS",
      `Cannot simulate a cache on log "${log.name}": no request comes twice, and it has no prompt blocks`,
      "An exact cache would save nothing. A semantic one needs vectors (--embedder, --embeddings). Of CSV, check that a column was read as the request (--columns request=…).",
    );
  }
  refuseUnknown(log, kinds, settings);
  const answerBytes = meanAnswerBytes(log);
  // Rows without times all come at once: whether one comes while another's answer is made cannot be said.
  const hasTimes = spanOf(log) > 0;
  const input: EvaluationInput = {
    log,
    context: {
      ...(hasTimes ? { answerMs: answerTimes(log, profile) } : {}),
      ...(vectors === undefined ? {} : { vectors }),
      ...(by === "api" ? { missCost: pricing.missUsd.low } : {}),
    },
    warmupShare: settings.warmup,
    cost:
      by === "api"
        ? { by, pricing }
        : by === "gpu"
          ? { by, gpu: { missMs, profile, hourUsd: infrastructure.gpuHourUsd, targetUtilisation } }
          : { by },
    infrastructure,
    answerBytes: { low: answerBytes.low, high: answerBytes.high },
    kvBytesPerToken: profile.kvBytesPerToken,
    meanTokens: tokens / Math.max(1, requests),
  };
  const latency = latencyOf(log, settings, profile, missMs, by, assumptions);
  if (latency === undefined && settings.latency === "auto") {
    assumptions.push(
      `The log does not say how long answers took, so no times are shown${hasTimes ? "; --latency engines takes them from a measured profile" : ""}.`,
    );
  }
  assumptions.push(
    ...assumed({
      input,
      settings,
      kinds,
      read,
      hits,
      embedder: embedded?.name,
      bytesEstimated: answerBytes.isEstimate,
    }),
  );
  return {
    options: {
      input,
      candidates: {
        kinds,
        policies: [
          ...new Set([...settings.policies, ...(kinds.includes("exact") ? ["belady" as const] : [])]),
        ],
        sizes: settings.sizes ?? (log.rows > manyRows ? 10 : 20),
        ...(settings.capacities === undefined ? {} : { capacities: settings.capacities }),
        unit: settings.unit,
        ttlsMs: settings.ttl,
        thresholds: settings.threshold,
        similarity: vectors === undefined ? "recorded" : "computed",
        replicas: settings.replicas,
        routing: settings.routing,
      },
      latency,
      hits,
      losses: settings.lose,
      workers: settings.workers,
    },
    assumptions,
  };
}

function spanOf(log: RequestLog): number {
  return log.timeMs[log.rows - 1] ?? 0;
}

/** What the user asked for by name and this log has nothing for: an empty answer would look like a result. */
function refuseUnknown(log: RequestLog, kinds: readonly StrategyKind[], settings: Settings): void {
  if (kinds.includes("prefix") && log.blocks === undefined) {
    throw new InputError(
      "NOT_IN_LOG",
      `Cannot simulate a prefix cache on log "${log.name}": it has no prompt blocks`,
      "Prompt blocks come with Mooncake-style logs, and with logs that hold the prompts' text.",
    );
  }
  const spanMs = spanOf(log);
  if (settings.strategies?.includes("ttl") && !settings.ttl.some((ttlMs) => ttlMs < spanMs)) {
    throw new InputError(
      "NOT_IN_LOG",
      `Cannot try times to live on log "${log.name}": it spans ${spanMs} ms, and no --ttl is shorter`,
      "Give a shorter --ttl, or leave the strategy out.",
    );
  }
  for (const { what, node, shards, atMs } of settings.lose) {
    if (what === "l2" && node >= shards) {
      throw new InputError(
        "BAD_LOSS",
        `Cannot lose shard ${node} of ${shards}: shards count from 0`,
        `The last one is l2:${shards - 1}/${shards}.`,
      );
    }
    if (atMs > spanMs) {
      throw new InputError(
        "BAD_LOSS",
        `Cannot lose a part of the cache at ${atMs} ms: log "${log.name}" ends at ${spanMs} ms`,
        "Times count from the log's first row.",
      );
    }
  }
}

function latencyOf(
  log: RequestLog,
  settings: Settings,
  profile: Profile,
  missMs: Float32Array,
  by: "api" | "gpu" | "none",
  assumptions: string[],
): LatencyBasis | undefined {
  const hasOwn = log.latencyMs.subarray(0, log.rows).some((ms) => !Number.isNaN(ms));
  const spanMs = log.timeMs[log.rows - 1] ?? 0;
  const kind =
    settings.latency !== "auto"
      ? settings.latency
      : hasOwn
        ? "log"
        : by === "gpu" && spanMs > 0
          ? "engines"
          : "none";
  if (kind === "none") return undefined;
  if (kind === "log") {
    if (!hasOwn)
      throw new InputError(
        "NO_TIMES",
        `Cannot take latency from log "${log.name}": it has none`,
        "Take --latency engines.",
      );
    assumptions.push("Latency is the log's own; how fewer requests relieve a queue is not seen in it.");
    return { kind };
  }
  if (spanMs <= 0) {
    throw new InputError(
      "NO_TIMES",
      `Cannot queue log "${log.name}" at engines: its rows have no times`,
      "Take --latency none.",
    );
  }
  const busyMs = missMs.reduce((sum, ms) => sum + ms, 0);
  const engines = settings.engines ?? Math.max(1, Math.ceil(busyMs / (spanMs * targetUtilisation)));
  const maxContextTokens = Math.floor(
    (0.9 * profile.gpuMemoryBytes - profile.weightBytes) / profile.kvBytesPerToken,
  );
  assumptions.push(
    `${engines} ${engines === 1 ? "engine" : "engines"}${settings.engines === undefined ? ` (chosen for ${100 * targetUtilisation} % busy without a cache)` : ""}, least-loaded first, continuous batching of up to 256 sequences, 2048 tokens a step and ${maxContextTokens.toLocaleString("en-US")} tokens of context; GPU time alone, a real engine adds some 0.5 to 1 ms a step. Times: ${profile.source}.`,
  );
  return {
    kind,
    options: {
      engines,
      profile,
      maxSequences: 256,
      maxStepTokens: 2048,
      maxContextTokens,
      stepOverheadMs: 0,
    },
  };
}
