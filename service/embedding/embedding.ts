import { NotCached, type Trail } from "../answering/answering.ts";
import { DependencyGone } from "../answering/dependency-gone.ts";
import { ageMs, type FreshnessSettings, standingOf } from "../answering/freshness.ts";
import type { CacheRule } from "../cache/cacheable.ts";
import type { Embedding } from "../cache/embedding-value.ts";
import { embeddingKey } from "../cache/keys.ts";
import type { Cache, CacheResult } from "../cache/layered.ts";
import { Vector, type VectorForm } from "../cache/vector.ts";
import type { EmbeddingsCall, EmbeddingsEngine } from "../inference/embeddings-engine.ts";
import { EngineRefusal } from "../inference/engine.ts";
import { carries, entryScopes } from "../invalidation/scopes.ts";
import type { LogProblem } from "../telemetry/log.ts";
import { eachOf } from "./each-of.ts";

export interface EmbeddingQuestion extends EmbeddingsCall {
  readonly rule: CacheRule;
  /** What they can be invalidated by, beside themselves, their model and their tenant. */
  readonly tags: readonly string[];
}

export interface Embedded {
  /** One an input, in their order. */
  readonly vectors: readonly Vector[];
  /** That the engine has read for this request: what is known already costs none. */
  readonly promptTokens: number;
  /** Of all of them; undefined where they do not share one. */
  readonly provenance: string | undefined;
}

export interface EmbeddingDeps {
  /** undefined: the service runs without a cache. */
  readonly cache: Cache<Embedding> | undefined;
  /** Guarded: see composition/model.ts. */
  readonly engine: EmbeddingsEngine;
  readonly form: VectorForm;
  readonly modelEpoch: string;
  /** The number of the latest invalidation that is known. */
  readonly epoch: () => number;
  /** Off: nothing is ever invalidated. */
  readonly scoped: boolean;
  readonly freshMs: number;
  readonly freshness: FreshnessSettings;
  /** Off: a dependency that is gone fails the request, whatever else could answer it. */
  readonly fallback: boolean;
  /** Of one request, at a time: one with many inputs must not take all places at a shard. */
  readonly readConcurrency: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of each input. */
  readonly onInput: (result: CacheResult) => void;
  readonly onProblem: LogProblem;
}

/**
 * Embeds a request's inputs: each is looked up on its own, and the engine is asked once, for those that are not
 * known. Equal inputs of one request are one.
 *
 * Rejects with NotCached, DependencyGone, the engine's EngineRefusal, or the reason of an aborted signal.
 */
export type Embed = (question: EmbeddingQuestion, trail: Trail, signal: AbortSignal) => Promise<Embedded>;

/** One input, and what is known of it. */
interface Input {
  readonly text: string;
  readonly key: string;
  readonly scopes: readonly string[];
  /** What answers it. */
  known: Embedding | undefined;
  /** What answers it when the engine is gone. */
  lastResort: Embedding | undefined;
  /** Whether the cache was asked, and could not say. */
  readFailed: boolean;
  result: CacheResult;
}

export function createEmbed(deps: EmbeddingDeps): Embed {
  const { cache, engine, fallback, modelEpoch, now, onInput, onProblem } = deps;

  function inputOf(text: string, { request, tenant, tags }: EmbeddingQuestion): Input {
    const key = embeddingKey(tenant, request, text, modelEpoch);
    const scopes = deps.scoped ? entryScopes({ tenant, model: request.model, key, tags }) : [];
    return {
      text,
      key,
      scopes,
      known: undefined,
      lastResort: undefined,
      readFailed: false,
      result: "bypass",
    };
  }

  async function lookUp(
    from: Cache<Embedding>,
    input: Input,
    { maxAgeMs }: CacheRule,
    trail: Trail,
    signal: AbortSignal,
  ): Promise<void> {
    // One that is too old for this caller in memory does not hide a newer one in Redis.
    const { found, failures } = await from.read(
      input.key,
      signal,
      (entry) => carries(entry, input.scopes) && (maxAgeMs === undefined || ageMs(entry, now()) <= maxAgeMs),
    );
    for (const [tier, thrown] of failures) {
      onProblem(`${tier}-read`, thrown);
      trail.degraded.add("redis");
      if (!fallback) throw new DependencyGone("redis", thrown);
    }
    input.readFailed = failures.size > 0;
    if (!input.readFailed) input.result = "miss";
    if (found === undefined) return;
    const { value } = found.entry;
    // No refresh ahead of time or behind: an embedding is the same until its model is another.
    const standing = standingOf(found.entry, maxAgeMs, now(), 0, deps.freshness);
    if (standing === "fresh") {
      input.known = value;
      input.result = "hit";
    } else if (standing !== "useless") input.lastResort = value;
  }

  /** Resolves with the tokens that were read. */
  async function make(
    missing: readonly Input[],
    { request, tenant, priority, deadline, rule }: EmbeddingQuestion,
    signal: AbortSignal,
  ): Promise<number> {
    const began = { at: now(), epoch: deps.epoch() };
    const inputs = missing.map(({ text }) => text);
    const made = await engine.embed({ request, inputs, tenant, priority, deadline }, signal);
    const { provenance, promptTokens } = made;
    const storedAt = now();
    const computeMs = Math.max(0, storedAt - began.at);
    const writes = missing.map(async (input, i) => {
      const components = made.vectors[i];
      if (components === undefined) return;
      input.known = { vector: Vector.of(components, "float32"), provenance };
      if (cache === undefined || !rule.store) return;
      const value = { vector: Vector.of(components, deps.form), provenance };
      const { key, scopes } = input;
      const { freshMs: freshForMs } = deps;
      await cache.write(key, { value, scopes, storedAt, freshForMs, computeMs, epoch: began.epoch });
    });
    // A cache that could not be read is not waited for when it is written.
    if (cache?.writesThrough && !missing.some(({ readFailed }) => readFailed)) await Promise.all(writes);
    return promptTokens;
  }

  /** Answers from what is no longer fresh. Throws where that does not do for every input. */
  function doWithout(missing: readonly Input[], thrown: unknown, trail: Trail): void {
    onProblem("model", thrown);
    trail.degraded.add("model");
    if (!fallback || missing.some(({ lastResort }) => lastResort === undefined)) {
      throw new DependencyGone("model", thrown);
    }
    trail.stale = "if-error";
    for (const input of missing) {
      input.known = input.lastResort;
      input.result = "stale";
    }
  }

  async function answer(
    inputs: readonly Input[],
    question: EmbeddingQuestion,
    trail: Trail,
    signal: AbortSignal,
  ): Promise<number> {
    const { rule } = question;
    if (cache !== undefined && rule.read) {
      await eachOf(inputs, deps.readConcurrency, (input) => lookUp(cache, input, rule, trail, signal));
    }
    const missing = inputs.filter(({ known }) => known === undefined);
    if (missing.length === 0) return 0;
    if (rule.onlyIfCached) throw new NotCached(`${missing.length} of ${inputs.length} inputs are not stored`);
    try {
      return await make(missing, question, signal);
    } catch (thrown) {
      if (signal.aborted || thrown instanceof EngineRefusal) throw thrown;
      doWithout(missing, thrown, trail);
      return 0;
    }
  }

  return async (question, trail, signal) => {
    const byText = new Map(question.inputs.map((text) => [text, inputOf(text, question)]));
    const inputs = [...byText.values()];
    let promptTokens: number;
    try {
      promptTokens = await answer(inputs, question, trail, signal);
    } finally {
      trail.cache = wholeOf(inputs.map(({ result }) => result));
      for (const { result } of inputs) onInput(result);
    }
    const known = question.inputs
      .map((text) => byText.get(text)?.known)
      .filter((embedding) => embedding !== undefined);
    const provenances = new Set(known.map(({ provenance }) => provenance));
    const [provenance] = provenances;
    const vectors = known.map(({ vector }) => vector);
    return { vectors, promptTokens, provenance: provenances.size === 1 ? provenance : undefined };
  };
}

/** What the cache was for a whole request: a hit where the engine made nothing of it. */
function wholeOf(results: readonly CacheResult[]): "hit" | "miss" | "bypass" {
  if (results.every((result) => result === "hit" || result === "stale")) return "hit";
  return results.every((result) => result === "bypass") ? "bypass" : "miss";
}
