/** What every part of one answer carries. */
export interface CompletionHead {
  readonly id: string;
  /** Unix time in s. */
  readonly created: number;
  readonly model: string;
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** `length` where `max_tokens` has cut the answer off. */
export type FinishReason = "stop" | "length";

export function usage(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** The JSON text of a whole answer. */
export function completion(head: CompletionHead, text: string, finish: FinishReason, used: Usage): string {
  return JSON.stringify({
    id: head.id,
    object: "chat.completion",
    created: head.created,
    model: head.model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: text, refusal: null },
        logprobs: null,
        finish_reason: finish,
      },
    ],
    usage: used,
  });
}

/** One server-sent event of a streamed answer. */
export function chunk(
  head: CompletionHead,
  delta: Readonly<Record<string, string>>,
  finish: FinishReason | null = null,
): string {
  return event(head, [{ index: 0, delta, logprobs: null, finish_reason: finish }]);
}

/** The event that tells the usage, after the last choice. */
export function usageChunk(head: CompletionHead, used: Usage): string {
  return event(head, [], used);
}

/** What ends a stream. */
export const streamEnd = "data: [DONE]\n\n";

function event(head: CompletionHead, choices: readonly unknown[], used?: Usage): string {
  const body = {
    ...head,
    object: "chat.completion.chunk",
    choices,
    ...(used === undefined ? {} : { usage: used }),
  };
  return `data: ${JSON.stringify(body)}\n\n`;
}
