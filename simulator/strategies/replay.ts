import { type RequestLog, rowKind } from "../log/log.ts";
import { createAnswers } from "./answers.ts";
import { createLossSchedule } from "./losses.ts";
import { createPrefixCache } from "./prefix.ts";
import type { ReplayContext } from "./replay-context.ts";
import type { StrategySpec } from "./spec.ts";

/** What became of a row. */
export const outcome = {
  miss: 0,
  /** Answered by the tier in front, or by the only one. */
  l1: 1,
  l2: 2,
  /** The answer was still being made: a service that joins equal requests waits for it, another pays again. */
  joined: 3,
  /** The row is an invalidation. */
  notARequest: 255,
} as const;

/** A strategy's course over a log, by row. */
export interface Replay {
  readonly outcome: Uint8Array;
  /** The row whose answer was served; the row itself where none was. */
  readonly servedBy: Int32Array;
  /** Prompt tokens that the prefix cache held; absent without one. */
  readonly reusedTokens?: Uint32Array;
  /** Blocks that the prefix cache held, by row. */
  readonly reusedBlocks?: Uint32Array;
}

/**
 * Replays the log through the strategy, row by row in time order. Exact: nothing is sampled.
 *
 * @throws StrategyError where the log lacks what the strategy needs, or its parts do not go together
 */
export function replay(log: RequestLog, spec: StrategySpec, context: ReplayContext = {}): Replay {
  const result = {
    outcome: new Uint8Array(log.rows),
    servedBy: new Int32Array(log.rows),
  };
  const answers =
    spec.answers === undefined ? undefined : createAnswers(log, spec.answers, spec.losses, context);
  const prefix = spec.prefix === undefined ? undefined : createPrefixCache(log, spec.prefix);
  const losses = createLossSchedule(spec.losses, (loss) => {
    answers?.lose(loss);
    if (loss.what === "all") prefix?.lose();
  });
  const { timeMs, kind } = log;
  const { answerMs } = context;
  for (let row = 0; row < log.rows; row++) {
    const now = timeMs[row] as number;
    losses.advance(now);
    result.servedBy[row] = row;
    const what = kind === undefined ? rowKind.request : kind[row];
    if (what !== rowKind.request) {
      result.outcome[row] = outcome.notARequest;
      if (what === rowKind.dropAll) answers?.invalidateAll();
      else if (what === rowKind.dropScope) answers?.invalidateScope(row);
      else answers?.invalidate(row);
      continue;
    }
    if (answers !== undefined) {
      const by = answers.request(row);
      if (by >= 0) {
        const ready = answerMs === undefined ? now : (timeMs[by] as number) + (answerMs[by] as number);
        result.outcome[row] = now < ready ? outcome.joined : answers.tier;
        result.servedBy[row] = by;
        continue;
      }
    }
    prefix?.request(row);
  }
  return prefix === undefined
    ? result
    : { ...result, reusedTokens: prefix.reusedTokens, reusedBlocks: prefix.reusedBlocks };
}
