import { type CandidateOptions, candidates } from "./advice/candidates.ts";
import { type Evaluation, type EvaluationInput, evaluation } from "./advice/evaluate.ts";
import { type FailoverCost, failoverCost } from "./advice/failover.ts";
import { type Advice, recommend } from "./advice/recommend.ts";
import { lruCurve, type MissCurve } from "./curves/lru-curve.ts";
import { shardsCurve } from "./curves/shards.ts";
import type { HitTimes, LatencyBasis, RequestTimes } from "./latency/requests.ts";
import { requestTimes } from "./latency/requests.ts";
import { amountsPaid, billOf } from "./money/bill.ts";
import { gpuBill } from "./money/gpu.ts";
import type { Amounts } from "./money/rates.ts";
import { type Replay, replay } from "./strategies/replay.ts";
import type { Loss } from "./strategies/spec.ts";
import { firstCounted } from "./strategies/summary.ts";
import { runSweep } from "./sweep/run-sweep.ts";

export interface SimulationOptions {
  readonly input: EvaluationInput;
  readonly candidates: CandidateOptions;
  /** Undefined: the log has neither times of arrival nor times of answers. */
  readonly latency: LatencyBasis | undefined;
  readonly hits: HitTimes;
  readonly losses: readonly Loss[];
  /** Threads of the sweep; undefined: one for each core. */
  readonly workers: number | undefined;
  readonly onProgress: (done: number, of: number) => void;
  readonly signal?: AbortSignal;
}

export interface Simulation {
  readonly evaluations: readonly Evaluation[];
  readonly advice: Advice;
  readonly amountsBefore?: Amounts;
  readonly amountsAfter?: Amounts;
  readonly timesBefore?: RequestTimes;
  readonly timesAfter?: RequestTimes;
  readonly curve?: MissCurve;
  readonly failover?: FailoverCost & { readonly of: Evaluation };
}

/** Above this many rows LRU's curve is sampled: SHARDS at a hundredth of the keys, with its error bar. */
const exactCurveRows = 10_000_000;
const sampledShare = 0.01;
/** Where fewer of the sampled keys fit, the sample says nothing, and its error bar does not say so. */
const leastSampledKeys = 10;

/**
 * Replays every candidate on all cores, chooses among them, and looks at the chosen one in detail.
 *
 * @throws StrategyError where a candidate cannot be replayed on the log
 */
export async function simulate(options: SimulationOptions): Promise<Simulation> {
  const { input, latency, hits, losses, workers, onProgress, signal } = options;
  const { log, context, cost } = input;
  const specs = candidates(log, options.candidates);
  let done = 0;
  const evaluations = await runSweep(evaluation, specs, input, {
    ...(workers === undefined ? {} : { workers }),
    ...(signal === undefined ? {} : { signal }),
    onResult: () => {
      done += 1;
      onProgress(done, specs.length);
    },
  });
  const advice = recommend(evaluations, log.timeMs[log.rows - 1] ?? 0);
  const from = firstCounted(log.rows, input.warmupShare);
  const chosen = advice.recommended;
  const course = chosen === undefined ? undefined : replay(log, chosen.spec, context);
  const pricing = cost.by === "api" ? cost.pricing : undefined;
  return {
    evaluations,
    advice,
    ...(pricing === undefined ? {} : { amountsBefore: amountsPaid(log, pricing, from) }),
    ...(pricing === undefined || course === undefined
      ? {}
      : { amountsAfter: amountsPaid(log, pricing, from, course) }),
    ...(latency === undefined ? {} : { timesBefore: requestTimes(log, latency, hits) }),
    ...(latency === undefined || course === undefined
      ? {}
      : { timesAfter: requestTimes(log, latency, hits, course) }),
    ...lruCurveOf(options),
    ...(losses.length === 0 || chosen === undefined
      ? {}
      : {
          failover: { of: chosen, ...failoverCost(log, chosen.spec, losses, context, billedBy(input)) },
        }),
  };
}

/** The model's bill under a replay, over the whole log; joined requests do not pay again, as in the misses. */
function billedBy({ log, cost }: EvaluationInput): ((course: Replay) => number) | undefined {
  if (cost.by === "api") return (course) => billOf(log, course, cost.pricing, 0).after.low;
  if (cost.by === "gpu") return (course) => gpuBill(log, course, cost.gpu, 0).after.low;
  return undefined;
}

function lruCurveOf({ input: { log, warmupShare }, candidates: { kinds, unit } }: SimulationOptions): {
  curve?: MissCurve;
} {
  // A stack knows no invalidations, and its sizes are entries.
  if (!kinds.includes("exact") || unit !== "entries" || log.kind !== undefined) return {};
  const points = 100;
  const isExact = log.rows <= exactCurveRows;
  const sizes = Array.from({ length: points }, (_, i) => Math.round(log.keys ** ((i + 1) / points))).filter(
    (size) => isExact || size * sampledShare >= leastSampledKeys,
  );
  if (sizes.length === 0) return {};
  const input = {
    requests: log.key.subarray(0, log.rows),
    keys: log.keys,
    sizes: [...new Set(sizes)],
    countFrom: firstCounted(log.rows, warmupShare),
  };
  return { curve: isExact ? lruCurve(input) : shardsCurve({ ...input, rate: sampledShare }) };
}
