import { z } from "zod";
import { asksFor } from "../inference/asks-for.ts";
import type { Answer, ChatRequest } from "../inference/engine.ts";
import { type CacheDirectives, cacheDirectives } from "./cache-control.ts";

/** Why an answer may or may not be taken from the cache, or stored. A label of metrics: there are no others. */
export const cacheReasons = [
  "cacheable",
  "sampled",
  "many-choices",
  "tools",
  "logprobs",
  "audio-output",
  "remote-content",
  "unknown-content",
  "provider-store",
  "no-store",
  "no-cache",
] as const;

export type CacheReason = (typeof cacheReasons)[number];

/** What the cache may do for one request. */
export interface CacheRule {
  /** Whether a stored answer may be given. */
  readonly read: boolean;
  /** Whether the answer may be stored, if it is whole: see isWhole(). */
  readonly store: boolean;
  /** A stored answer, also a stale one, must not be older than this; undefined: as the cache has it. */
  readonly maxAgeMs: number | undefined;
  /** The caller wants a stored answer or none: 504, and no call of the model. */
  readonly onlyIfCached: boolean;
  readonly reason: CacheReason;
}

export interface CacheRuleSettings {
  /** Whether answers that were drawn at random are cached too: whoever asks again gets the same draw. */
  readonly sampled: boolean;
}

/**
 * What may be cached of a chat completion, as docs/caching-rules.md says. Pure.
 *
 * @param request as it was checked; what is not understood here makes it uncacheable, never cacheable
 * @param cacheControl the request's Cache-Control header, as it came
 */
export function cacheRule(
  request: ChatRequest,
  cacheControl: string | undefined,
  settings: CacheRuleSettings,
): CacheRule {
  const directives = cacheDirectives(cacheControl);
  const { onlyIfCached } = directives;
  const why = uncacheable(request, settings);
  if (why !== undefined) return { read: false, store: false, maxAgeMs: undefined, onlyIfCached, reason: why };
  return directed(directives, asksFor(request, "store"));
}

/**
 * What may be cached of embeddings: a function of their input, so that only the caller has a say.
 *
 * @param cacheControl the request's Cache-Control header, as it came
 */
export function embeddingsRule(cacheControl: string | undefined): CacheRule {
  return directed(cacheDirectives(cacheControl), false);
}

/** The directives' part of a rule (RFC 9111, 5.2.1), where the request itself is cacheable. */
function directed(
  { noStore, noCache, onlyIfCached, maxAgeMs }: CacheDirectives,
  providerStore: boolean,
): CacheRule {
  return {
    // The caller wants the provider to keep this very completion: a call that is not made keeps nothing.
    read: !noCache && !providerStore,
    store: !noStore,
    maxAgeMs,
    onlyIfCached,
    reason: noStore ? "no-store" : noCache ? "no-cache" : providerStore ? "provider-store" : "cacheable",
  };
}

/**
 * Whether an answer is one to keep: the model came to its end, or to the length that the request set. What a
 * filter cut off, a tool call, or nothing at all is passed on and forgotten.
 */
export function isWhole({ content, refusal, finishReason }: Answer): boolean {
  return content !== "" && refusal === undefined && (finishReason === "stop" || finishReason === "length");
}

/** Why this request's answer is neither taken from the cache nor stored; undefined: it may be. */
function uncacheable(request: ChatRequest, { sampled }: CacheRuleSettings): CacheReason | undefined {
  const given = (field: string) => request[field] !== undefined && request[field] !== null;
  const asked = (field: string) => asksFor(request, field);
  // An Answer is one choice of plain text: any other shape would be stored maimed.
  if (given("n") && request["n"] !== 1) return "many-choices";
  if (toolFields.some(asked)) return "tools";
  if (asked("logprobs") || asked("top_logprobs")) return "logprobs";
  if (asked("audio") || (given("modalities") && !isTextOnly(request["modalities"]))) return "audio-output";
  const content = contentReason(request.messages);
  if (content !== undefined) return content;
  // The API's own default is a temperature of 1.
  if (request["temperature"] !== 0 && !given("seed") && !sampled) return "sampled";
  return undefined;
}

/** With these the model may answer with a call, or rests on what the world is like at this moment. */
const toolFields = ["tools", "tool_choice", "functions", "function_call", "web_search_options"];

const content = z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]);
const message = z.union([
  z.looseObject({ role: z.string(), content }),
  // One who refused, said so beside it.
  z.looseObject({ role: z.literal("assistant"), content: z.null().optional(), refusal: z.string() }),
]);
const toolMessage = z.looseObject({
  tool_calls: z.unknown().optional(),
  function_call: z.unknown().optional(),
});

const text = z.looseObject({ type: z.enum(["text", "refusal"]) });
const inline = z.union([
  text,
  z.looseObject({
    type: z.literal("image_url"),
    image_url: z.looseObject({ url: z.string().regex(/^data:/i) }),
  }),
  z.looseObject({ type: z.literal("input_audio"), input_audio: z.looseObject({ data: z.string() }) }),
  z.looseObject({
    type: z.literal("file"),
    file: z.looseObject({ file_data: z.string(), file_id: z.undefined().optional() }),
  }),
]);
const knownParts = ["text", "refusal", "image_url", "input_audio", "file"];

/** What stands in the request itself is in its key; what it only points to may be another thing tomorrow. */
function contentReason(messages: readonly unknown[]): CacheReason | undefined {
  for (const item of messages) {
    const { data: called } = toolMessage.safeParse(item);
    if (called?.tool_calls != null || called?.function_call != null) return "tools";
    const { data } = message.safeParse(item);
    if (data === undefined) return "unknown-content";
    if (data.role === "tool" || data.role === "function") return "tools";
    if (typeof data.content === "string") continue;
    for (const part of data.content ?? []) {
      if (inline.safeParse(part).success) continue;
      return knownParts.includes(part.type) ? "remote-content" : "unknown-content";
    }
  }
  return undefined;
}

function isTextOnly(modalities: unknown): boolean {
  return Array.isArray(modalities) && modalities.every((modality) => modality === "text");
}
