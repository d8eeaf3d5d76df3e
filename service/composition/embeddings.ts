import type { Embedding } from "../cache/embedding-value.ts";
import type { Cache } from "../cache/layered.ts";
import type { Config } from "../config/config.ts";
import { createEmbed, type Embed } from "../embedding/embedding.ts";
import type { EmbeddingsEngine } from "../inference/embeddings-engine.ts";
import type { Invalidations } from "../invalidation/invalidations.ts";
import type { ModelGuard } from "./model.ts";
import type { Telemetry } from "./telemetry.ts";
import type { TierSettings } from "./tiers.ts";

/** More than 16,000 components in float32. */
const maxVectorBytes = 65_536;

/** Components of vectors are as good as noise to a compressor: 8 % less, for as much work as a text of that size. */
export function embeddingTiers({ embeddings }: Config): TierSettings {
  return {
    memoryBytes: embeddings.memoryBytes,
    maxValueBytes: maxVectorBytes,
    compressFromBytes: Number.POSITIVE_INFINITY,
  };
}

export interface EmbeddingParts {
  /** undefined: no cache at all. */
  readonly cache: Cache<Embedding> | undefined;
  /** undefined: what is stored is served until it expires. */
  readonly invalidations: Pick<Invalidations, "epoch"> | undefined;
  readonly engine: EmbeddingsEngine;
  /** The one that answers have: it is the same model server. */
  readonly guardOf: ModelGuard;
}

export function embedOf(
  { cache, invalidations, engine, guardOf }: EmbeddingParts,
  { cache: { staleMs }, embeddings, fallback, model }: Config,
  { metrics, onProblem }: Telemetry,
): Embed {
  return createEmbed({
    cache,
    engine: {
      embed: (call, signal) =>
        guardOf({ ...call, delivered: () => false })((inner) => engine.embed(call, inner))(signal),
    },
    form: embeddings.form,
    modelEpoch: model.epoch,
    epoch: () => invalidations?.epoch() ?? 0,
    scoped: invalidations !== undefined,
    freshMs: embeddings.freshMs,
    freshness: { revalidateMs: undefined, staleMs, earlyBeta: undefined },
    fallback,
    cacheConcurrency: embeddings.cacheConcurrency,
    now: Date.now,
    onInput: metrics.embeddingInput,
    onProblem,
  });
}
