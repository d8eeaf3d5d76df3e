import { decodeStepMs, type Profile, stepMs } from "./profile.ts";

export interface EngineLimits {
  /** Sequences in the batch at once. */
  readonly maxSequences: number;
  /** Tokens of one step; a longer prompt is read in several (chunked prefill). More than `maxSequences`. */
  readonly maxStepTokens: number;
  /** Contexts (prompt and answer) that the GPU's memory holds at once, in tokens. */
  readonly maxContextTokens: number;
  /** What a real engine adds to each step (scheduling, sampling), in ms; the profile has GPU time alone. */
  readonly stepOverheadMs: number;
}

/** One engine in simulated time. Times only go forward. */
export interface Engine {
  /** Plays all that happens until `untilMs`; a step under way then goes on past it. */
  advance(untilMs: number): void;
  /** Puts a request at the end of the queue. `nowMs` is the time that `advance` was last given. */
  submit(row: number, nowMs: number, promptTokens: number, outputTokens: number, reusedTokens: number): void;
  /** Waiting and running. */
  readonly requests: number;
  /** GPU time so far. */
  readonly busyMs: number;
}

interface Sequence {
  readonly row: number;
  readonly prompt: number;
  readonly output: number;
  /** Prompt tokens held or read. */
  read: number;
  /** Number of the decode step (counted over the engine's life) that makes its last token. */
  lastStep: number;
}

/**
 * Continuous batching, as vLLM and SGLang do it: each step decodes one token for every sequence whose prompt is
 * read, and spends the rest of its tokens on prompts, first come, first served; the step that reads a prompt's end
 * makes its first token. A sequence is let in when its whole context fits.
 *
 * Steps that only decode are played in one go up to the next arrival or the next sequence's end: their times form
 * an arithmetic series, as each context grows by one token a step. So the work grows with requests, not tokens.
 */
export function createEngine(
  limits: EngineLimits,
  profile: Profile,
  told: { firstToken: (row: number, atMs: number) => void; finished: (row: number, atMs: number) => void },
): Engine {
  const waiting: Sequence[] = [];
  let firstWaiting = 0;
  const reading: Sequence[] = [];
  /** Binary heap by `lastStep`: the sequences that decode. */
  const decoding: Sequence[] = [];
  let decodingContext = 0;
  let heldTokens = 0;
  let decodeSteps = 0;
  /** End of the last step played. */
  let clock = 0;
  let busyMs = 0;
  const growthMs = profile.k_ms_per_1000_kv_tokens / 1000;

  function admit(): void {
    while (firstWaiting < waiting.length) {
      const next = waiting[firstWaiting] as Sequence;
      const running = reading.length + decoding.length;
      if (running >= limits.maxSequences) return;
      // One alone is always let in: refusing it for ever would stop the queue.
      if (running > 0 && heldTokens + next.prompt + next.output > limits.maxContextTokens) return;
      heldTokens += next.prompt + next.output;
      reading.push(next);
      firstWaiting += 1;
      if (firstWaiting > 1024 && firstWaiting * 2 > waiting.length) {
        waiting.splice(0, firstWaiting);
        firstWaiting = 0;
      }
    }
  }

  function finish(sequence: Sequence): void {
    heldTokens -= sequence.prompt + sequence.output;
    told.finished(sequence.row, clock);
  }

  /** Takes out the sequences whose last token has been made. */
  function finishDecoded(): void {
    while (decoding.length > 0 && (decoding[0] as Sequence).lastStep <= decodeSteps) {
      const sequence = popHeap(decoding);
      decodingContext -= sequence.prompt + sequence.output;
      finish(sequence);
    }
  }

  /** A step with prompts in it. */
  function readPrompts(): void {
    let budget = limits.maxStepTokens - decoding.length;
    let promptTokens = 0;
    let pairs = 0;
    let longest = 0;
    let hasCached = false;
    let ended = 0;
    for (const sequence of reading) {
      if (budget <= 0) break;
      const chunk = Math.min(sequence.prompt - sequence.read, budget);
      budget -= chunk;
      promptTokens += chunk;
      pairs += chunk * sequence.read + (chunk * (chunk + 1)) / 2;
      longest = Math.max(longest, sequence.read + chunk / 2);
      hasCached ||= sequence.read > 0;
      sequence.read += chunk;
      if (sequence.read === sequence.prompt) ended += 1;
    }
    const tookMs =
      limits.stepOverheadMs +
      stepMs(
        { promptTokens, pairs, longest, hasCached, decoding: decoding.length, decodingContext },
        profile,
      );
    clock += tookMs;
    busyMs += tookMs;
    decodeSteps += 1;
    decodingContext += decoding.length;
    finishDecoded();
    // Prompts are read in order, so those that ended are the first ones.
    for (const sequence of reading.splice(0, ended)) {
      told.firstToken(sequence.row, clock);
      if (sequence.output <= 1) {
        finish(sequence);
        continue;
      }
      sequence.lastStep = decodeSteps + sequence.output - 1;
      decodingContext += sequence.prompt + 1;
      pushHeap(decoding, sequence);
    }
  }

  /** Steps that only decode, until a sequence ends or the first step that ends at `untilMs` or later. */
  function decode(untilMs: number): void {
    const count = decoding.length;
    const baseMs = limits.stepOverheadMs + decodeStepMs(count, decodingContext, profile);
    const slope = growthMs * count;
    const toEnd = (decoding[0] as Sequence).lastStep - decodeSteps;
    const spanMs = (steps: number): number => steps * baseMs + (slope * steps * (steps - 1)) / 2;
    let steps = toEnd;
    const leftMs = untilMs - clock;
    if (spanMs(toEnd) > leftMs) {
      // Smallest number of steps whose span reaches leftMs: the root of the quadratic, then rounding put right.
      const half = baseMs - slope / 2;
      const root = (2 * leftMs) / (half + Math.sqrt(half * half + 2 * slope * leftMs));
      steps = Math.min(toEnd, Math.max(1, Math.ceil(root)));
      while (steps > 1 && spanMs(steps - 1) >= leftMs) steps -= 1;
      while (steps < toEnd && spanMs(steps) < leftMs) steps += 1;
    }
    const tookMs = spanMs(steps);
    clock += tookMs;
    busyMs += tookMs;
    decodeSteps += steps;
    decodingContext += steps * count;
    finishDecoded();
  }

  return {
    advance(untilMs) {
      while (clock < untilMs) {
        admit();
        if (reading.length > 0) readPrompts();
        else if (decoding.length > 0) decode(untilMs);
        else break;
      }
    },
    submit(row, nowMs, promptTokens, outputTokens, reusedTokens) {
      // An idle engine starts at the arrival; a busy one takes it in after the step under way.
      if (clock < nowMs) clock = nowMs;
      const prompt = Math.max(1, promptTokens);
      // The last token is always computed: its logits make the first token of the answer.
      const read = Math.min(reusedTokens, prompt - 1);
      waiting.push({ row, prompt, output: Math.max(1, outputTokens), read, lastStep: 0 });
    },
    get requests() {
      return waiting.length - firstWaiting + reading.length + decoding.length;
    },
    get busyMs() {
      return busyMs;
    },
  };
}

function pushHeap(heap: Sequence[], added: Sequence): void {
  let at = heap.length;
  heap.push(added);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Sequence;
    if (above.lastStep <= added.lastStep) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = added;
}

function popHeap(heap: Sequence[]): Sequence {
  const top = heap[0] as Sequence;
  const moved = heap.pop() as Sequence;
  const length = heap.length;
  if (length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= length) break;
    if (child + 1 < length && (heap[child + 1] as Sequence).lastStep < (heap[child] as Sequence).lastStep)
      child += 1;
    const below = heap[child] as Sequence;
    if (below.lastStep >= moved.lastStep) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = moved;
  return top;
}
