import type { RequestLog } from "../log/log.ts";
import { outcome, type ReplayContext, replay } from "../strategies/replay.ts";
import type { Loss, StrategySpec } from "../strategies/spec.ts";

/** What losing a part of the cache costs, against the same replay without the loss. */
export interface FailoverCost {
  readonly losses: readonly Loss[];
  /** Requests that reach the model because of the loss. */
  readonly extraMisses: number;
  /** Prompt and answer tokens that the model processes more, reused prefixes included. */
  readonly extraTokens: number;
  /** US dollars at the low prices; absent without prices. */
  readonly extraUsd?: number;
  /** Within this time from the first loss nine tenths of the extra misses have come; NaN where there are none. */
  readonly ninetyPercentWithinMs: number;
}

/** Replays a strategy with and without losses. An eviction may differ later too, so a few misses can be fewer. */
export function failoverCost(
  log: RequestLog,
  spec: StrategySpec,
  losses: readonly Loss[],
  context: ReplayContext,
  missUsd?: Float64Array,
): FailoverCost {
  const without = replay(log, { ...spec, losses: [] }, context);
  const withLoss = replay(log, { ...spec, losses: [...losses] }, context);
  const from = Math.min(...losses.map(({ atMs }) => atMs));
  const extraAt: number[] = [];
  let extraMisses = 0;
  let extraTokens = 0;
  let extraUsd = 0;
  for (let row = 0; row < log.rows; row++) {
    const before = without.outcome[row] === outcome.miss;
    const after = withLoss.outcome[row] === outcome.miss;
    const reached = Number(after) - Number(before);
    extraMisses += reached;
    extraUsd += reached * (missUsd?.[row] ?? 0);
    const tokens = (log.promptTokens[row] as number) + (log.outputTokens[row] as number);
    extraTokens +=
      reached * tokens - (withLoss.reusedTokens?.[row] ?? 0) + (without.reusedTokens?.[row] ?? 0);
    if (reached > 0) extraAt.push((log.timeMs[row] as number) - from);
  }
  return {
    losses,
    extraMisses,
    extraTokens,
    ...(missUsd === undefined ? {} : { extraUsd }),
    ninetyPercentWithinMs: extraAt[Math.ceil(extraAt.length * 0.9) - 1] ?? Number.NaN,
  };
}
