import { type RequestLog, rowKind } from "../log/log.ts";
import { outcome, type Replay } from "../strategies/replay.ts";
import { type EnginesOptions, runEngines } from "./engines.ts";
import { decodeStepMs, type Profile, prefillMs } from "./profile.ts";

/** How long a request to a cache takes, lookup and transfer, in ms. Assumptions, which reports state. */
export interface HitTimes {
  /** From a tier in the replica's own process. */
  readonly localMs: number;
  /** From a tier over the network. */
  readonly sharedMs: number;
}

export type LatencyBasis =
  /** Engines with the measured profile, and their queue. */
  | { readonly kind: "engines"; readonly options: EnginesOptions }
  /** The log's own times: no relief of a queue is seen. */
  | { readonly kind: "log" };

export interface RequestTimes {
  /** By row, from arrival to the last token; NaN where a row is not a request or the log has no time. */
  readonly latencyMs: Float32Array;
  /** By row; without engines there is none. */
  readonly firstTokenMs?: Float32Array;
  /** Of the engines, where there are some: see EnginesResult. */
  readonly utilisation?: number;
  readonly drainMs?: number;
}

/** How long each request takes under a replay; without one, as if there were no cache. */
export function requestTimes(
  log: RequestLog,
  basis: LatencyBasis,
  hits: HitTimes,
  replay?: Replay,
): RequestTimes {
  const model = modelTimes(log, basis, replay);
  if (replay === undefined) return model;
  const { latencyMs, firstTokenMs } = model;
  const { timeMs } = log;
  const hasTiers = replay.outcome.includes(outcome.l2);
  // Rows without times all come at once: whether an answer was made by then cannot be said.
  const hasTimes = (timeMs[log.rows - 1] ?? 0) > 0;
  for (let row = 0; row < log.rows; row++) {
    const what = replay.outcome[row];
    if (what === outcome.miss || what === outcome.notARequest) continue;
    // What the log has no time for before, it has none for after: the same requests are compared.
    if (basis.kind === "log" && Number.isNaN(log.latencyMs[row] as number)) continue;
    // A single tier stands for one that all replicas share.
    const lookup = hasTiers && what !== outcome.l2 ? hits.localMs : hits.sharedMs;
    const by = replay.servedBy[row] as number;
    const made = (timeMs[by] as number) + (latencyMs[by] as number) - (timeMs[row] as number);
    // An answer that is still being made is waited for.
    let ms = !hasTimes || Number.isNaN(made) ? lookup : Math.max(made, lookup);
    // A log that was faster than our lookup was so already.
    if (basis.kind === "log" && (log.latencyMs[row] as number) < ms) ms = log.latencyMs[row] as number;
    latencyMs[row] = ms;
    if (firstTokenMs !== undefined) firstTokenMs[row] = ms;
  }
  return model;
}

function modelTimes(log: RequestLog, basis: LatencyBasis, replay: Replay | undefined): RequestTimes {
  const { kind, rows } = log;
  const isServed = (row: number) =>
    (kind !== undefined && kind[row] !== rowKind.request) ||
    (replay !== undefined && replay.outcome[row] !== outcome.miss);
  if (basis.kind === "log") {
    return { latencyMs: log.latencyMs.slice(0, rows).map((ms, row) => (isServed(row) ? Number.NaN : ms)) };
  }
  return runEngines(
    {
      timeMs: log.timeMs.subarray(0, rows),
      promptTokens: log.promptTokens,
      outputTokens: log.outputTokens,
      ...(replay?.reusedTokens === undefined ? {} : { reusedTokens: replay.reusedTokens }),
      skip: Uint8Array.from({ length: rows }, (_, row) => (isServed(row) ? 1 : 0)),
    },
    basis.options,
  );
}

/**
 * How long an answer takes to make, by row, before any strategy is known: the log's own time, or where it has none
 * that of an engine that shares its steps with 31 others. It decides which requests come while an answer is made.
 */
export function answerTimes(log: RequestLog, profile: Profile): Float32Array {
  const sequences = 32;
  return Float32Array.from({ length: log.rows }, (_, row) => {
    const own = log.latencyMs[row] as number;
    if (!Number.isNaN(own)) return own;
    const prompt = log.promptTokens[row] as number;
    const output = log.outputTokens[row] as number;
    // A cache trace: nothing is known of what it takes to make an object.
    if (prompt + output === 0) return 0;
    const context = prompt + output / 2;
    return (
      prefillMs(Math.max(1, prompt), 0, profile) +
      output * decodeStepMs(sequences, sequences * context, profile)
    );
  });
}
