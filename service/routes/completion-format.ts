import type { Answer, Usage } from "../inference/engine.ts";

/** What every object of one response shares. */
export interface CompletionHead {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly model: string;
}

/** The body of a plain chat completion. */
export function completionBody(head: CompletionHead, answer: Answer) {
  return {
    id: head.id,
    object: "chat.completion",
    created: head.created,
    model: head.model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          // With a refusal there is none, as the API has it.
          content: answer.refusal === undefined ? answer.content : answer.content || null,
          refusal: answer.refusal ?? null,
        },
        logprobs: null,
        finish_reason: answer.finishReason,
      },
    ],
    usage: answer.usage,
  };
}

interface ChunkChoice {
  readonly delta: { readonly role?: "assistant"; readonly content?: string; readonly refusal?: string };
  readonly finishReason?: string;
}

/** One event of a streamed chat completion. */
export function chunkEvent(head: CompletionHead, { delta, finishReason }: ChunkChoice): string {
  return event({
    ...chunkHead(head),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason ?? null }],
  });
}

/** The event before the last, for callers that asked for it by `stream_options.include_usage`. */
export function usageEvent(head: CompletionHead, usage: Usage): string {
  return event({ ...chunkHead(head), choices: [], usage });
}

export const doneEvent = "data: [DONE]\n\n";

export function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function chunkHead({ id, created, model }: CompletionHead) {
  return { id, object: "chat.completion.chunk", created, model };
}

/**
 * A stored answer in pieces for a stream: words, some at a time, and none of them long, whatever the text. Joined,
 * they are the text again.
 */
export function pieces(text: string): string[] {
  return text.match(/\s{0,200}(?:\S{1,200}\s{0,200}){1,8}|\s{1,200}/gu) ?? [];
}
