import type { Deadline } from "../resilience/deadline.ts";
import type { Priority } from "../resilience/priority.ts";

/** A chat completion as the caller asked for it. Fields beyond these are passed on, and are part of its identity. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly unknown[];
  readonly stream?: boolean | null | undefined;
  readonly [field: string]: unknown;
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** One whole answer: a single choice of plain text. */
export interface Answer {
  readonly content: string;
  /** Why the model will not answer, in place of content; absent where it does. */
  readonly refusal?: string;
  readonly finishReason: string;
  readonly usage: Usage | undefined;
  /** What the engine says about where the answer comes from. Opaque here; kept and passed on. */
  readonly provenance: string | undefined;
}

/** A piece of an answer, as it comes. */
export interface Delta {
  readonly text: string;
  readonly provenance: string | undefined;
}

export interface EngineCall {
  readonly request: ChatRequest;
  readonly tenant: string;
  readonly priority: Priority;
  /** When the answer must be there; undefined: whenever it comes. The engine is told, and the guard around it too. */
  readonly deadline: Pick<Deadline, "remainingMs"> | undefined;
  /**
   * Where the pieces go as they come; without it the answer comes whole. It takes them at once: the engine's
   * time is measured, and must not be its reader's.
   */
  readonly onDelta: ((delta: Delta) => void) | undefined;
}

/**
 * What computes answers.
 *
 * Resolves only with a complete answer. Rejects with EngineFailure when the engine is ill or away, and with
 * EngineRefusal when it is well but will not answer this request; with ResponseTooLarge when its answer is too long.
 */
export interface Engine {
  answer(call: EngineCall, signal: AbortSignal): Promise<Answer>;
}

export interface EngineFailureDetails {
  readonly cause?: unknown;
  /** Whether asking again may help. */
  readonly retryable?: boolean;
  /** Whether it says that it has too much to do. */
  readonly overloaded?: boolean;
  /** How long it asked to be left alone. */
  readonly retryAfterMs?: number | undefined;
}

/** The engine is ill, overloaded or away. */
export class EngineFailure extends Error {
  override readonly name = "EngineFailure";
  readonly retryable: boolean;
  readonly overloaded: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, details: EngineFailureDetails = {}) {
    super(message, { cause: details.cause });
    this.retryable = details.retryable ?? false;
    this.overloaded = details.overloaded ?? false;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * What the engine sends is longer than may be. That says something of this request, which would end so again, and
 * nothing of how the engine is: held against it, one caller's requests could take it from all others.
 */
export class ResponseTooLarge extends Error {
  override readonly name = "ResponseTooLarge";
}

/** The engine is well, and refuses this request. */
export class EngineRefusal extends Error {
  override readonly name = "EngineRefusal";
  readonly status: number;
  readonly code: string | null;

  constructor(status: number, code: string | null, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
