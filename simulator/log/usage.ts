/** Tokens of one request. `prompt` is the total: what the provider read from or wrote to its cache included. */
export interface Usage {
  readonly prompt: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly output: number;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A count as the columns keep it: a whole number from 0 to 2^32 - 1, and 0 for anything else. */
export function countOf(value: unknown): number {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && number > 0 ? Math.min(Math.round(number), 0xffffffff) : 0;
}

/**
 * Tokens from a provider's usage object, each counted once. The providers differ in whether the prompt's count
 * has the cached tokens in it:
 * - OpenAI (chat: prompt_tokens, responses: input_tokens with input_tokens_details), Gemini (promptTokenCount),
 *   DeepSeek and LiteLLM (prompt_tokens): cached tokens are a part of it;
 * - Anthropic (input_tokens beside cache_read_input_tokens and cache_creation_input_tokens): they come on top.
 */
export function usageOf(usage: unknown): Usage | undefined {
  if (!isRecord(usage)) return undefined;
  const read = countOf(usage.cache_read_input_tokens);
  const cacheWrite = countOf(usage.cache_creation_input_tokens);
  if (usage.prompt_tokens !== undefined) {
    const details = isRecord(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
    const cached = countOf(details.cached_tokens) || read || countOf(usage.prompt_cache_hit_tokens);
    return partsOf(countOf(usage.prompt_tokens), cached, cacheWrite, countOf(usage.completion_tokens));
  }
  if (usage.input_tokens !== undefined) {
    const input = countOf(usage.input_tokens);
    const output = countOf(usage.output_tokens);
    if (isRecord(usage.input_tokens_details)) {
      return partsOf(input, countOf(usage.input_tokens_details.cached_tokens), 0, output);
    }
    return { prompt: input + read + cacheWrite, cached: read, cacheWrite, output };
  }
  if (usage.promptTokenCount !== undefined) {
    const output = countOf(usage.candidatesTokenCount) + countOf(usage.thoughtsTokenCount);
    return partsOf(countOf(usage.promptTokenCount), countOf(usage.cachedContentTokenCount), 0, output);
  }
  return undefined;
}

/** A usage whose parts never exceed its prompt, whatever the log says. */
export function partsOf(prompt: number, cached: number, cacheWrite: number, output: number): Usage {
  const readPart = Math.min(cached, prompt);
  return { prompt, cached: readPart, cacheWrite: Math.min(cacheWrite, prompt - readPart), output };
}
