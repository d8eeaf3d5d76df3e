import type { Deadline } from "../resilience/deadline.ts";
import type { Priority } from "../resilience/priority.ts";

/** What is asked for beside the inputs. Fields beyond these are passed on, and are part of an embedding's identity. */
export interface EmbeddingsRequest {
  readonly model: string;
  readonly [field: string]: unknown;
}

export interface EmbeddingsCall {
  readonly request: EmbeddingsRequest;
  readonly inputs: readonly string[];
  readonly tenant: string;
  readonly priority: Priority;
  /** When they must be there; undefined: whenever they come. */
  readonly deadline: Pick<Deadline, "remainingMs"> | undefined;
}

export interface MadeEmbeddings {
  /** One an input, in their order; all of one length, of finite numbers. */
  readonly vectors: readonly Float32Array[];
  /** That the engine has read for all of them. */
  readonly promptTokens: number;
  /** What the engine says about where they come from. Opaque here; kept and passed on. */
  readonly provenance: string | undefined;
}

/** What computes embeddings. Rejects as Engine does. */
export interface EmbeddingsEngine {
  embed(call: EmbeddingsCall, signal: AbortSignal): Promise<MadeEmbeddings>;
}
