import type { PromptPart, StepWork } from "./profile.ts";

/** A request as the engine sees it: a prompt to read and tokens to produce, one for each step. */
export interface Sequence {
  readonly promptTokens: number;
  /** At least 1. */
  readonly outputTokens: number;
  /** Called when the step that made a token is over; `produced` counts from 1. */
  readonly onToken: (produced: number) => void;
}

/** Continuous batching, without a clock: the caller lets each step take as long as `beginStep` says. */
export interface Batch {
  /** Puts a sequence at the end of the queue. A step that is under way does not take it in. */
  readonly submit: (sequence: Sequence) => void;
  /** Frees the sequence's place; it gets no further token. Unknown and finished ones are ignored. */
  readonly cancel: (sequence: Sequence) => void;
  /** How long the next step takes in ms; undefined where there is nothing to do. */
  readonly beginStep: () => number | undefined;
  /** Gives each sequence of the step its token. */
  readonly endStep: () => void;
  /** Sequences that no step has taken in yet. */
  readonly queued: () => number;
  /** Sequences that hold a place in the batch. */
  readonly running: () => number;
}

export interface BatchLimits {
  /** Sequences that are read or decoded at once: what the GPU's memory holds. */
  readonly maxSequences: number;
  /** Tokens of one step; a longer prompt is read in several (chunked prefill). */
  readonly maxStepTokens: number;
}

interface Progress {
  promptRead: number;
  produced: number;
  /** Prompt tokens that the step under way reads; 0 where it decodes. */
  reading: number;
}

/**
 * Each step decodes one token for every sequence whose prompt is read, and spends the rest of its tokens on
 * prompts, first come, first served. The step that reads a prompt's end also makes its first token. Memory for
 * contexts and reuse of common prefixes are not modelled.
 */
export function createBatch(limits: BatchLimits, stepMs: (work: StepWork) => number): Batch {
  const waiting = new Set<Sequence>();
  const places = new Map<Sequence, Progress>();
  let stepping: Sequence[] = [];

  function planStep(): StepWork {
    let decoding = 0;
    let decodingContext = 0;
    for (const [sequence, progress] of places) {
      if (progress.promptRead < sequence.promptTokens) continue;
      progress.reading = 0;
      stepping.push(sequence);
      decoding += 1;
      decodingContext += sequence.promptTokens + progress.produced;
    }
    const prompts: PromptPart[] = [];
    let tokensLeft = limits.maxStepTokens - decoding;
    function read(sequence: Sequence, progress: Progress): void {
      progress.reading = Math.min(sequence.promptTokens - progress.promptRead, tokensLeft);
      tokensLeft -= progress.reading;
      prompts.push({ newTokens: progress.reading, cachedTokens: progress.promptRead });
      stepping.push(sequence);
    }
    for (const [sequence, progress] of places) {
      if (tokensLeft <= 0) break;
      if (progress.promptRead < sequence.promptTokens) read(sequence, progress);
    }
    for (const sequence of waiting) {
      if (tokensLeft <= 0 || places.size >= limits.maxSequences) break;
      const progress = { promptRead: 0, produced: 0, reading: 0 };
      waiting.delete(sequence);
      places.set(sequence, progress);
      read(sequence, progress);
    }
    return { prompts, decoding, decodingContext };
  }

  return {
    submit: (sequence) => void waiting.add(sequence),
    cancel: (sequence) => {
      waiting.delete(sequence);
      places.delete(sequence);
    },
    beginStep: () => {
      stepping = [];
      const work = planStep();
      return stepping.length === 0 ? undefined : stepMs(work);
    },
    endStep: () => {
      for (const sequence of stepping) {
        const progress = places.get(sequence);
        if (progress === undefined) continue;
        progress.promptRead += progress.reading;
        if (progress.promptRead < sequence.promptTokens) continue;
        progress.produced += 1;
        if (progress.produced === sequence.outputTokens) places.delete(sequence);
        sequence.onToken(progress.produced);
      }
      stepping = [];
    },
    queued: () => waiting.size,
    running: () => places.size,
  };
}
