import { type CacheRule, isWhole } from "../cache/cacheable.ts";
import { cacheKey } from "../cache/keys.ts";
import type { Cache } from "../cache/layered.ts";
import type { Entry } from "../cache/tier.ts";
import { type Answer, type Engine, type EngineCall, EngineRefusal } from "../inference/engine.ts";
import type { Invalidations } from "../invalidation/invalidations.ts";
import { carries, entryScopes } from "../invalidation/scopes.ts";
import type { CacheResult } from "../telemetry/cache-metrics.ts";
import type { LogProblem } from "../telemetry/log.ts";

export type DependencyName = "redis" | "model";

/** What happened on the way to an answer, filled in as it happens: an error's response tells it too. */
export interface Trail {
  /** What the answer is kept under; undefined as long as it is not known. */
  key: string | undefined;
  /** bypass: the cache could not be asked. */
  cache: "hit" | "miss" | "bypass" | undefined;
  readonly degraded: Set<DependencyName>;
}

/** A dependency is gone and there is nothing to answer with instead. `cause` says how it failed. */
export class DependencyGone extends Error {
  override readonly name = "DependencyGone";
  readonly dependency: DependencyName;

  constructor(dependency: DependencyName, cause: unknown) {
    super(`${dependency} is not available: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.dependency = dependency;
  }
}

export interface AnsweringDeps {
  /** undefined: the service runs without a cache. */
  readonly cache: Cache<Answer> | undefined;
  /** undefined: what is stored is served until it expires. */
  readonly invalidations: Pick<Invalidations, "epoch"> | undefined;
  /** Guarded: see composition/model.ts. */
  readonly engine: Engine;
  /** Off: a dependency that is gone fails the request, whatever else could answer it. */
  readonly fallback: boolean;
  readonly modelEpoch: string;
  /** How long after it was stored an answer is served without asking the engine. Older ones are for fallback only. */
  readonly freshMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onCacheResult: (result: CacheResult) => void;
  readonly onProblem: LogProblem;
}

/**
 * Answers one request: from the cache, else from the engine, else from what the cache still has.
 *
 * Pieces of the engine's answer go to `call.onDelta` as they come; a cached answer is only returned.
 *
 * Rejects with DependencyGone, with the engine's EngineRefusal, or with the reason of an aborted signal.
 */
export type Answering = (question: Question, trail: Trail, signal: AbortSignal) => Promise<Answer>;

/** One request, as the cache and the engine see it. */
export interface Question extends EngineCall {
  readonly rule: CacheRule;
  /** What its answer can be invalidated by, beside itself, its model and its tenant. */
  readonly tags: readonly string[];
}

export function createAnswering(deps: AnsweringDeps): Answering {
  const { cache, invalidations, engine, fallback, freshMs, modelEpoch, now, onCacheResult, onProblem } = deps;

  async function lookUp(
    key: string,
    read: boolean,
    trail: Trail,
    signal: AbortSignal,
  ): Promise<Entry<Answer> | undefined> {
    trail.cache = "bypass";
    if (cache === undefined || !read) {
      onCacheResult("bypass");
      return undefined;
    }
    const { found, failures } = await cache.read(key, signal);
    for (const [tier, thrown] of failures) {
      onProblem(`${tier}-read`, thrown);
      trail.degraded.add("redis");
      if (!fallback) {
        onCacheResult("bypass");
        throw new DependencyGone("redis", thrown);
      }
    }
    if (failures.size === 0) trail.cache = "miss";
    else if (found === undefined) onCacheResult("bypass");
    return found?.entry;
  }

  async function store(
    key: string,
    made: Pick<Entry<Answer>, "value" | "computeMs" | "epoch" | "scopes">,
  ): Promise<void> {
    const written = cache?.write(key, { ...made, storedAt: now(), freshForMs: freshMs });
    if (cache?.writesThrough) await written;
  }

  return async ({ rule, tags, ...call }, trail, signal) => {
    const key = cacheKey(call.tenant, call.request, modelEpoch);
    trail.key = key;
    const scopes =
      invalidations === undefined
        ? []
        : entryScopes({ tenant: call.tenant, model: call.request.model, key, tags });
    const found = await lookUp(key, rule.read, trail, signal);
    const tooOld =
      found !== undefined && now() - found.storedAt > (rule.maxAgeMs ?? Number.POSITIVE_INFINITY);
    const entry = found === undefined || tooOld || !carries(found, scopes) ? undefined : found;
    const cacheWasAsked = trail.cache === "miss";
    if (entry !== undefined && now() - entry.storedAt < entry.freshForMs) {
      trail.cache = "hit";
      onCacheResult("hit");
      return entry.value;
    }

    // What the cache was good for shows only at the end: an entry too old to be a hit may yet be the fallback.
    let result: CacheResult = "miss";
    let delivering = false;
    const { onDelta } = call;
    const watched: EngineCall =
      onDelta === undefined
        ? call
        : {
            ...call,
            onDelta: (delta) => {
              delivering = true;
              onDelta(delta);
            },
          };
    try {
      const began = now();
      const epoch = invalidations?.epoch() ?? 0;
      const answer = await engine.answer(watched, signal);
      // After a failed read a write would only be one more attempt at a shard that is ill.
      if (rule.store && isWhole(answer) && (cacheWasAsked || !rule.read))
        await store(key, { value: answer, computeMs: now() - began, epoch, scopes });
      return answer;
    } catch (thrown) {
      if (signal.aborted || thrown instanceof EngineRefusal) throw thrown;
      onProblem("model", thrown);
      trail.degraded.add("model");
      // Once a part of the new answer is out, the rest of an old one cannot complete it.
      if (!fallback || entry === undefined || delivering) throw new DependencyGone("model", thrown);
      // Redis drops an entry when it is too old even for this.
      trail.cache = "hit";
      result = "stale";
      return entry.value;
    } finally {
      if (cacheWasAsked) onCacheResult(result);
    }
  };
}
