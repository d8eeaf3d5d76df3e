import { z } from "zod";
import { asksFor } from "../inference/asks-for.ts";
import type { ChatRequest } from "../inference/engine.ts";
import { ApiError } from "./api-error.ts";
import { checkServed, parsedBody } from "./checked-body.ts";

const contentPart = z.looseObject({ type: z.string() });
const content = z.union([z.string(), z.array(contentPart).min(1)]);
/** What was said before, by calls too: the answer that is asked for may be text all the same. */
const message = z.discriminatedUnion("role", [
  z.looseObject({ role: z.enum(["system", "developer", "user", "tool"]), content }),
  // In place of content there may be a refusal, or calls; a function may return nothing.
  z.looseObject({ role: z.enum(["assistant", "function"]), content: content.nullish() }),
]);

/** The fields whose types are checked here. Others go to the model as they are; it may refuse them. */
const chatRequest = z.looseObject({
  model: z.string().min(1),
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  user: z.string().nullish(),
  n: z.literal(1).nullish(),
});

/** An answer here is one choice of plain text; these ask for another shape. */
const unsupported = ["tool_choice", "function_call", "logprobs", "top_logprobs", "audio"];
/** So do these, unless the other field of the pair says that none is to be called. */
const callable = [
  ["tools", "tool_choice"],
  ["functions", "function_call"],
] as const;

export type CheckedChatRequest = ChatRequest & z.output<typeof chatRequest>;

/**
 * Checks the body of a chat completion.
 *
 * @throws ApiError 400 for the first field that is wrong, 404 for a model that is not served
 */
export function checkedChatRequest(body: unknown, servedModel: string): CheckedChatRequest {
  const request = parsedBody(chatRequest, body);
  const [called] =
    callable.find(([field, choice]) => request[choice] !== "none" && asksFor(request, field)) ?? [];
  const foreign = called ?? unsupported.find((field) => asksFor(request, field));
  if (foreign !== undefined) {
    throw new ApiError(400, "unsupported_parameter", `"${foreign}" is not supported`, { param: foreign });
  }
  checkServed(request.model, [servedModel]);
  return request;
}
