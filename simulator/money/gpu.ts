import { decodeStepMs, type Profile, prefillMs } from "../latency/profile.ts";
import type { RequestLog } from "../log/log.ts";
import { rowKind } from "../log/log.ts";
import { outcome, type Replay } from "../strategies/replay.ts";
import { exactly, type Range, spanOf } from "./range.ts";

/** Sequences that share a decode step on a busy engine, as in the profile's cost examples. */
const sharedBy = 32;

/**
 * GPU time of one request on a busy engine, in ms: its prefill alone and its share of the decode steps, with 32
 * sequences of its own mean context in the batch (`cost_examples` of the profile).
 */
function gpuMsOf(promptTokens: number, reusedTokens: number, outputTokens: number, profile: Profile): number {
  const prompt = Math.max(1, promptTokens);
  const reused = Math.min(reusedTokens, prompt - 1);
  const context = prompt + outputTokens / 2;
  return (
    prefillMs(prompt - reused, reused, profile) +
    (outputTokens * decodeStepMs(sharedBy, sharedBy * context, profile)) / sharedBy
  );
}

/** GPU time by row as logged, without any cache; 0 for an invalidation. */
export function gpuMsByRow(log: RequestLog, profile: Profile): Float32Array {
  const ms = new Float32Array(log.rows);
  for (let row = 0; row < log.rows; row++) {
    if (log.kind !== undefined && log.kind[row] !== rowKind.request) continue;
    ms[row] = gpuMsOf(log.promptTokens[row] as number, 0, log.outputTokens[row] as number, profile);
  }
  return ms;
}

export interface GpuInputs {
  readonly missMs: Float32Array;
  readonly profile: Profile;
  readonly hourUsd: number;
  /** Busy share up to which engines are planned. */
  readonly targetUtilisation: number;
}

export interface GpuBill {
  readonly beforeHours: number;
  readonly afterHours: Range;
  readonly before: Range;
  readonly after: Range;
  readonly saving: Range;
  /** Whole engines at the planned busy share: with reserved engines only their difference saves. NaN without times. */
  readonly engines: { readonly before: number; readonly after: Range };
}

/** GPU hours before and after, and their cost as used. The range: whether joined requests are computed again. */
export function gpuBill(log: RequestLog, replay: Replay, inputs: GpuInputs, from: number): GpuBill {
  const { missMs, profile, hourUsd, targetUtilisation } = inputs;
  let before = 0;
  let misses = 0;
  let joined = 0;
  for (let row = from; row < log.rows; row++) {
    const ownMs = missMs[row] as number;
    before += ownMs;
    const what = replay.outcome[row];
    if (what === outcome.joined) joined += ownMs;
    if (what !== outcome.miss) continue;
    const reused = replay.reusedTokens?.[row] ?? 0;
    if (reused === 0) misses += ownMs;
    else {
      const prompt = log.promptTokens[row] as number;
      // An engine may ignore a prefix that is too short to gain anything.
      misses += Math.min(ownMs, gpuMsOf(prompt, reused, log.outputTokens[row] as number, profile));
    }
  }
  const spanMs = (log.timeMs[log.rows - 1] ?? 0) - (log.timeMs[from] ?? 0);
  const hours = (ms: number) => ms / 3_600_000;
  const usd = (ms: number) => hours(ms) * hourUsd;
  const engines = (ms: number) => (spanMs <= 0 ? Number.NaN : Math.ceil(ms / (spanMs * targetUtilisation)));
  const after = [misses, misses + joined] as const;
  return {
    beforeHours: hours(before),
    afterHours: spanOf(...after.map(hours)),
    before: exactly(usd(before)),
    after: spanOf(...after.map(usd)),
    saving: spanOf(...after.map((ms) => usd(before) - usd(ms))),
    engines: { before: engines(before), after: spanOf(...after.map(engines)) },
  };
}
