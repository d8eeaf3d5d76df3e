import type { RequestLog } from "../log/log.ts";
import { type Bill, billOf } from "../money/bill.ts";
import { type GpuBill, type GpuInputs, gpuBill } from "../money/gpu.ts";
import { cacheUsd, type InfrastructurePrices, memoryOf } from "../money/infrastructure.ts";
import type { Pricing } from "../money/pricing.ts";
import type { Range } from "../money/range.ts";
import { replay } from "../strategies/replay.ts";
import type { ReplayContext } from "../strategies/replay-context.ts";
import { describe, type StrategySpec } from "../strategies/spec.ts";
import { firstCounted, type Summary, summarise } from "../strategies/summary.ts";
import type { JobKind } from "../sweep/run-sweep.ts";

/** What every strategy is judged by. Plain data: it is shared with the workers. */
export interface EvaluationInput {
  readonly log: RequestLog;
  readonly context: ReplayContext;
  readonly warmupShare: number;
  /** `api`: the model is paid by the token. `gpu`: by the GPU hour, on the measured profile. */
  readonly cost:
    | { readonly by: "api"; readonly pricing: Pricing }
    | { readonly by: "gpu"; readonly gpu: GpuInputs }
    | { readonly by: "none" };
  readonly infrastructure: InfrastructurePrices;
  readonly answerBytes: Range;
  readonly kvBytesPerToken: number;
  /** Mean prompt and answer tokens of a request. */
  readonly meanTokens: number;
}

export interface Money {
  /** All in US dollars over the counted part of the log. */
  readonly before: Range;
  readonly after: Range;
  /** Before, less after. */
  readonly saving: Range;
  /** What the cache's own memory costs. */
  readonly cache: Range;
  /** The saving, less the cache. */
  readonly netSaving: Range;
  /** Share of the model's cost that must be saved for the cache to pay for itself; NaN where the model costs nothing. */
  readonly breakEvenShare: Range;
  /**
   * The hit share from which on the cache pays for itself, were every hit worth what the replay's are on average: by
   * request, of a prefix cache alone by token. NaN where no hit saves anything.
   */
  readonly breakEvenHitShare: Range;
  readonly gpu?: Pick<GpuBill, "beforeHours" | "afterHours" | "engines">;
}

export interface Evaluation {
  readonly spec: StrategySpec;
  readonly label: string;
  readonly summary: Summary;
  /** Memory of the cache, all replicas and tiers together, in bytes; one copy of what is shared. */
  readonly memoryBytes: Range;
  /** Of that, what is in the process of each replica, in bytes. */
  readonly localBytes: Range;
  readonly money?: Money;
}

/** Replays one strategy and says what it comes to: a job of a sweep. */
export const evaluation: JobKind<EvaluationInput, StrategySpec, Evaluation> = {
  module: import.meta.url,
  name: "evaluation",
  run(input, spec) {
    const { log, context, warmupShare, cost } = input;
    const course = replay(log, spec, context);
    const from = firstCounted(log.rows, warmupShare);
    const memory = memoryOf(spec, {
      keys: spec.answers?.match === "normalised" ? log.normalisedKeys : log.keys,
      answerBytes: input.answerBytes,
      meanTokens: input.meanTokens,
      blockTokens: log.blocks === undefined ? 0 : log.blocks.blocks * log.blocks.tokensPerBlock,
      kvBytesPerToken: input.kvBytesPerToken,
    });
    const hours = ((log.timeMs.at(-1) ?? 0) - (log.timeMs[from] ?? 0)) / 3_600_000;
    const own = cacheUsd(memory, hours, input.infrastructure, cost.by === "gpu");
    const bill = cost.by === "api" ? billOf(log, course, cost.pricing, from) : undefined;
    const gpu = cost.by === "gpu" ? gpuBill(log, course, cost.gpu, from) : undefined;
    const paid: Bill | undefined = bill ?? gpu;
    const summary = summarise(log, course, warmupShare);
    return {
      spec,
      label: describe(spec),
      summary,
      memoryBytes: {
        low: memory.localBytes.low + memory.sharedBytes.low + memory.blockBytes,
        high: memory.localBytes.high + memory.sharedBytes.high + memory.blockBytes,
      },
      localBytes: {
        low: memory.localBytes.low / (spec.answers?.replicas ?? 1),
        high: memory.localBytes.high / (spec.answers?.replicas ?? 1),
      },
      ...(paid === undefined
        ? {}
        : {
            money: {
              before: paid.before,
              after: paid.after,
              saving: paid.saving,
              cache: own,
              netSaving: { low: paid.saving.low - own.high, high: paid.saving.high - own.low },
              breakEvenShare: { low: own.low / paid.before.high, high: own.high / paid.before.low },
              breakEvenHitShare: breakEvenHits(spec, summary, own, paid.saving),
              ...(gpu === undefined
                ? {}
                : {
                    gpu: { beforeHours: gpu.beforeHours, afterHours: gpu.afterHours, engines: gpu.engines },
                  }),
            },
          }),
    };
  },
};

function breakEvenHits({ answers }: StrategySpec, { hitShare }: Summary, cache: Range, saving: Range): Range {
  const hits = answers === undefined ? hitShare.byToken : hitShare.byRequest;
  const at = (cost: number, saved: number) => (saved > 0 ? (hits * cost) / saved : Number.NaN);
  return { low: at(cache.low, saving.high), high: at(cache.high, saving.low) };
}
