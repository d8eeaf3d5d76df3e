import type { RequestLog } from "../log/log.ts";
import { outcome, type Replay } from "./replay.ts";

/** What a replay comes to, over the rows behind the warm-up. */
export interface Summary {
  /** Requests counted; warm-up and invalidations are not. */
  readonly requests: number;
  readonly l1Hits: number;
  readonly l2Hits: number;
  /** Requests that came while the answer that they need was being made. */
  readonly joined: number;
  /** A share is NaN where the log gives nothing to count. Joined requests count as hits. */
  readonly hitShare: {
    /** Requests answered without the model, of all. */
    readonly byRequest: number;
    /** Prompt and answer tokens that the model did not process (whole answers and reused prefixes), of all. */
    readonly byToken: number;
    /** Bytes of answers served from a cache, of all. */
    readonly byByte: number;
  };
  /** Prompt tokens of requests that reached the model, and the part of them that a prefix cache held. */
  readonly modelPromptTokens: number;
  readonly reusedTokens: number;
  /** Prompt blocks of requests that reached the model, and the part of them that a prefix cache held. */
  readonly blocks: number;
  readonly reusedBlocks: number;
}

/** The first row that counts, when the first `warmupShare` of the requests does not. */
export function firstCounted(rows: number, warmupShare: number): number {
  return Math.floor(rows * warmupShare);
}

export function summarise(log: RequestLog, replay: Replay, warmupShare = 0): Summary {
  const counts = [0, 0, 0, 0];
  let tokens = 0;
  let savedTokens = 0;
  let bytes = 0;
  let savedBytes = 0;
  let modelPromptTokens = 0;
  let reusedTokens = 0;
  let blocks = 0;
  let reusedBlocks = 0;
  for (let row = firstCounted(log.rows, warmupShare); row < log.rows; row++) {
    const what = replay.outcome[row] as number;
    if (what === outcome.notARequest) continue;
    counts[what] = (counts[what] as number) + 1;
    const prompt = log.promptTokens[row] as number;
    const all = prompt + (log.outputTokens[row] as number);
    tokens += all;
    bytes += log.bytes[row] as number;
    if (what === outcome.miss) {
      const reused = replay.reusedTokens?.[row] ?? 0;
      modelPromptTokens += prompt;
      reusedTokens += reused;
      savedTokens += reused;
      if (log.blocks !== undefined) {
        blocks += (log.blocks.start[row + 1] as number) - (log.blocks.start[row] as number);
        reusedBlocks += replay.reusedBlocks?.[row] ?? 0;
      }
    } else {
      savedTokens += all;
      savedBytes += log.bytes[row] as number;
    }
  }
  const [misses = 0, l1Hits = 0, l2Hits = 0, joined = 0] = counts;
  const requests = misses + l1Hits + l2Hits + joined;
  return {
    requests,
    l1Hits,
    l2Hits,
    joined,
    hitShare: {
      byRequest: (requests - misses) / requests,
      byToken: savedTokens / tokens,
      byByte: savedBytes / bytes,
    },
    modelPromptTokens,
    reusedTokens,
    blocks,
    reusedBlocks,
  };
}
