import { createEngine, type Engine, type EngineLimits } from "./engine.ts";
import type { Profile } from "./profile.ts";

export interface EnginesOptions extends EngineLimits {
  /** Engines, each on a GPU of its own. */
  readonly engines: number;
  readonly profile: Profile;
}

/** What reaches the engines: row i of the log, unless `skip` says that a cache answered it. */
export interface Arrivals {
  readonly timeMs: Float64Array;
  readonly promptTokens: Uint32Array;
  readonly outputTokens: Uint32Array;
  /** Prompt tokens that a prefix cache holds already. Absent: none. */
  readonly reusedTokens?: Uint32Array;
  /** 1: the row does not reach an engine. */
  readonly skip?: Uint8Array;
}

export interface EnginesResult {
  /** From arrival to the last token, by row; NaN where the row did not reach an engine. */
  readonly latencyMs: Float32Array;
  /** From arrival to the first token, by row. */
  readonly firstTokenMs: Float32Array;
  /** GPU time under way, all engines together. */
  readonly busyMs: number;
  /** From the first arrival to the last answer. */
  readonly spanMs: number;
  /** Share of the span that the engines compute. One decoding sequence keeps an engine busy: 1 is no overload yet. */
  readonly utilisation: number;
  /** From the last arrival to the last answer: an overload shows here, as the queue that is left at the end. */
  readonly drainMs: number;
}

/**
 * Plays the arrivals through N engines with continuous batching (engine.ts). An arrival goes to the engine
 * with the fewest requests, as a least-loaded balancer does. Deterministic.
 */
export function runEngines(arrivals: Arrivals, options: EnginesOptions): EnginesResult {
  const { timeMs, promptTokens, outputTokens, reusedTokens, skip } = arrivals;
  const rows = timeMs.length;
  const latencyMs = new Float32Array(rows).fill(Number.NaN);
  const firstTokenMs = new Float32Array(rows).fill(Number.NaN);
  let first = Number.NaN;
  let last = 0;
  let lastArrival = 0;
  const engines: Engine[] = Array.from({ length: options.engines }, () =>
    createEngine(options, options.profile, {
      firstToken: (row, atMs) => {
        firstTokenMs[row] = atMs - (timeMs[row] as number);
      },
      finished: (row, atMs) => {
        latencyMs[row] = atMs - (timeMs[row] as number);
        if (atMs > last) last = atMs;
      },
    }),
  );
  for (let row = 0; row < rows; row++) {
    if (skip?.[row] === 1) continue;
    const now = timeMs[row] as number;
    if (Number.isNaN(first)) first = now;
    lastArrival = now;
    let chosen: Engine | undefined;
    for (const engine of engines) {
      engine.advance(now);
      if (chosen === undefined || engine.requests < chosen.requests) chosen = engine;
    }
    chosen?.submit(
      row,
      now,
      promptTokens[row] as number,
      outputTokens[row] as number,
      reusedTokens?.[row] ?? 0,
    );
  }
  let busyMs = 0;
  for (const engine of engines) {
    engine.advance(Number.POSITIVE_INFINITY);
    busyMs += engine.busyMs;
  }
  const spanMs = Number.isNaN(first) ? 0 : last - first;
  return {
    latencyMs,
    firstTokenMs,
    busyMs,
    spanMs,
    drainMs: Math.max(0, last - lastArrival),
    utilisation: spanMs === 0 ? 0 : busyMs / (spanMs * options.engines),
  };
}
