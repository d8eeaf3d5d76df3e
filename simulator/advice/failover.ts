import type { RequestLog } from "../log/log.ts";
import { outcome, type Replay, replay } from "../strategies/replay.ts";
import type { ReplayContext } from "../strategies/replay-context.ts";
import type { Loss, StrategySpec } from "../strategies/spec.ts";

/** What losing a part of the cache costs, against the same replay without the loss. */
export interface FailoverCost {
  readonly losses: readonly Loss[];
  /** Requests that reach the model because of the loss. */
  readonly extraMisses: number;
  /** Prompt and answer tokens that the model processes more, reused prefixes included. */
  readonly extraTokens: number;
  /** US dollars: the model's bill with the loss, less that without it. Absent without prices. */
  readonly extraUsd?: number;
  /**
   * Within this time from the first loss nine tenths of what it costs have come: of the extra misses, or with a prefix
   * cache of the extra tokens. NaN where there are none.
   */
  readonly ninetyPercentWithinMs: number;
}

/**
 * Replays a strategy with and without losses. An eviction may differ later too, so a few misses can be fewer.
 *
 * @param billUsd what the model costs under a replay
 */
export function failoverCost(
  log: RequestLog,
  spec: StrategySpec,
  losses: readonly Loss[],
  context: ReplayContext,
  billUsd?: (replay: Replay) => number,
): FailoverCost {
  const without = replay(log, { ...spec, losses: [] }, context);
  const withLoss = replay(log, { ...spec, losses: [...losses] }, context);
  const from = Math.min(...losses.map(({ atMs }) => atMs));
  const extraAt: { afterMs: number; extra: number }[] = [];
  let extraMisses = 0;
  let extraTokens = 0;
  for (let row = 0; row < log.rows; row++) {
    const before = without.outcome[row] === outcome.miss;
    const after = withLoss.outcome[row] === outcome.miss;
    const reached = Number(after) - Number(before);
    extraMisses += reached;
    const tokens = (log.promptTokens[row] as number) + (log.outputTokens[row] as number);
    const more = reached * tokens - (withLoss.reusedTokens?.[row] ?? 0) + (without.reusedTokens?.[row] ?? 0);
    extraTokens += more;
    const extra = spec.prefix === undefined ? reached : more;
    if (extra > 0) extraAt.push({ afterMs: (log.timeMs[row] as number) - from, extra });
  }
  return {
    losses,
    extraMisses,
    extraTokens,
    ...(billUsd === undefined ? {} : { extraUsd: billUsd(withLoss) - billUsd(without) }),
    ninetyPercentWithinMs: nineTenthsAt(extraAt),
  };
}

function nineTenthsAt(extraAt: readonly { afterMs: number; extra: number }[]): number {
  let left = 0.9 * extraAt.reduce((sum, { extra }) => sum + extra, 0);
  for (const { afterMs, extra } of extraAt) {
    left -= extra;
    if (left <= 1e-9) return afterMs;
  }
  return Number.NaN;
}
