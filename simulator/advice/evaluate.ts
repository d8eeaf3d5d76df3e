import type { RequestLog } from "../log/log.ts";
import { type Bill, billOf } from "../money/bill.ts";
import { type GpuBill, type GpuInputs, gpuBill } from "../money/gpu.ts";
import { cacheUsd, type InfrastructurePrices, memoryOf } from "../money/infrastructure.ts";
import type { Pricing } from "../money/pricing.ts";
import type { Range } from "../money/range.ts";
import { type ReplayContext, replay } from "../strategies/replay.ts";
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
  readonly gpu?: Pick<GpuBill, "beforeHours" | "afterHours" | "engines">;
}

export interface Evaluation {
  readonly spec: StrategySpec;
  readonly label: string;
  readonly summary: Summary;
  /** Memory of the cache, all replicas and tiers together, in bytes; one copy of what is shared. */
  readonly memoryBytes: Range;
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
    return {
      spec,
      label: describe(spec),
      summary: summarise(log, course, warmupShare),
      memoryBytes: {
        low: memory.localBytes.low + memory.sharedBytes.low + memory.blockBytes,
        high: memory.localBytes.high + memory.sharedBytes.high + memory.blockBytes,
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
