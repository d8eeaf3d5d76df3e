import { z } from "zod";
import { ApiError } from "./api-error.ts";
import type { Message } from "./content.ts";

const textPart = z.looseObject({ type: z.literal("text"), text: z.string() });

const message = z
  .looseObject({
    role: z.enum(["developer", "system", "user", "assistant", "tool", "function"]),
    content: z.union([z.string(), z.array(textPart)]).nullish(),
  })
  .transform(({ role, content }): Message => {
    const text = typeof content === "string" ? content : (content ?? []).map((part) => part.text).join("");
    return { role, text };
  });

const limit = z.int().min(1).nullish();

/** Members that do not change the answer, such as `temperature`, are taken and ignored. */
const chatRequest = z
  .looseObject({
    model: z.string(),
    messages: z.array(message).min(1),
    max_tokens: limit,
    max_completion_tokens: limit,
    n: z.literal(1).nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  })
  .transform((body) => ({
    model: body.model,
    messages: body.messages,
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? Number.POSITIVE_INFINITY,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
  }));

export type ChatRequest = z.output<typeof chatRequest>;

/** Reads the body of a chat completion request. Throws an ApiError, status 400, that names what is wrong. */
export function parseChatRequest(body: string): ChatRequest {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new ApiError(400, "invalid_json", `Cannot read the request's body as JSON: ${String(cause)}`);
  }
  const { success, data, error } = chatRequest.safeParse(value);
  if (success) return data;
  const [first] = error.issues;
  const param = first?.path.join(".") ?? "";
  const reasons = error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  throw new ApiError(400, "invalid_request", `Cannot read the request: ${reasons.join("; ")}`, param || null);
}
