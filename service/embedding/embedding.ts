import { NotCached, type Trail } from "../answering/answering.ts";
import { DependencyGone } from "../answering/dependency-gone.ts";
import { ageMs, type FreshnessSettings, standingOf } from "../answering/freshness.ts";
import type { CacheRule } from "../cache/cacheable.ts";
import type { Embedding } from "../cache/embedding-value.ts";
import { embeddingKey } from "../cache/keys.ts";
import type { Cache, CacheResult } from "../cache/layered.ts";
import type { Entry } from "../cache/tier.ts";
import { Vector, type VectorForm } from "../cache/vector.ts";
import type { EmbeddingsCall, EmbeddingsEngine } from "../inference/embeddings-engine.ts";
import { EngineFailure, EngineRefusal } from "../inference/engine.ts";
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
  /** Reads, and writes through, of one request at a time: one with many inputs must not take all places at a shard. */
  readonly cacheConcurrency: number;
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

interface Write {
  readonly key: string;
  readonly entry: Entry<Embedding>;
  /** Whether the cache could not say if it has the key. */
  readonly readFailed: boolean;
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
    known: readonly Embedding[],
    { request, tenant, priority, deadline, rule }: EmbeddingQuestion,
    signal: AbortSignal,
  ): Promise<number> {
    const began = { at: now(), epoch: deps.epoch() };
    const inputs = missing.map(({ text }) => text);
    const made = await engine.embed({ request, inputs, tenant, priority, deadline }, signal);
    checkSpace(made.vectors, known);
    const { provenance, promptTokens } = made;
    const storedAt = now();
    const computeMs = Math.max(0, storedAt - began.at);
    const { freshMs: freshForMs } = deps;
    const writes: Write[] = [];
    for (const [i, input] of missing.entries()) {
      const components = made.vectors[i];
      if (components === undefined) continue;
      const { key, scopes, readFailed } = input;
      input.known = { vector: Vector.of(components, "float32"), provenance };
      const value = { vector: Vector.of(components, deps.form), provenance };
      const entry = { value, scopes, storedAt, freshForMs, computeMs, epoch: began.epoch };
      writes.push({ key, readFailed, entry });
    }
    if (cache !== undefined && rule.store) await store(cache, writes);
    return promptTokens;
  }

  /** Resolves when those are written that are waited for. Never rejects. */
  async function store(into: Cache<Embedding>, writes: readonly Write[]): Promise<void> {
    const write = ({ key, entry }: Write) => into.write(key, entry);
    // Those have a queue, which bounds how many wait, and how many are under way.
    if (!into.writesThrough) return void Promise.all(writes.map(write));
    // A shard that could not be read is not waited for when it is written.
    const { ill = [], well = [] } = Object.groupBy(writes, ({ readFailed }) => (readFailed ? "ill" : "well"));
    void eachOf(ill, deps.cacheConcurrency, write);
    await eachOf(well, deps.cacheConcurrency, write);
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
      await eachOf(inputs, deps.cacheConcurrency, (input) => lookUp(cache, input, rule, trail, signal));
    }
    const missing = inputs.filter(({ known }) => known === undefined);
    if (missing.length === 0) return 0;
    if (rule.onlyIfCached) throw new NotCached(`${missing.length} of ${inputs.length} inputs are not stored`);
    try {
      const known = inputs.map((input) => input.known).filter((embedding) => embedding !== undefined);
      return await make(missing, known, question, signal);
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

/** Vectors of two spaces in one response would be compared with each other. */
function checkSpace(made: readonly Float32Array[], known: readonly Embedding[]): void {
  const dimensions = made[0]?.length;
  if (known.every(({ vector }) => vector.dimensions === dimensions)) return;
  throw new EngineFailure(
    `The engine's embeddings have ${dimensions} dimensions, those stored have others: it is another model. Set BW_MODEL_EPOCH anew`,
  );
}
