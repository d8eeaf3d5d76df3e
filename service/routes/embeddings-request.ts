import { z } from "zod";
import type { EmbeddingsRequest } from "../inference/embeddings-engine.ts";
import { ApiError } from "./api-error.ts";
import { checkServed, parsedBody } from "./checked-body.ts";

/** The fields whose types are checked here. Others go to the model as they are; it may refuse them. */
const embeddingsBody = z.looseObject({
  model: z.string().min(1),
  input: z.union([z.string(), z.array(z.unknown())]),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().positive().max(65_536).nullish(),
  user: z.string().nullish(),
});

export interface InputLimits {
  readonly maxInputs: number;
  /** Of each, in UTF-8. */
  readonly maxInputBytes: number;
}

export interface CheckedEmbeddingsRequest {
  /** Without its inputs, and without how they are delivered. */
  readonly request: EmbeddingsRequest;
  readonly inputs: readonly string[];
  readonly base64: boolean;
  readonly user: string | undefined;
}

/**
 * Checks the body of a request for embeddings.
 *
 * @throws ApiError 400 for the first field that is wrong, 404 for a model that is not served
 */
export function checkedEmbeddingsRequest(
  body: unknown,
  servedModel: string,
  limits: InputLimits,
): CheckedEmbeddingsRequest {
  const { input, encoding_format, user, ...request } = parsedBody(embeddingsBody, body);
  checkServed(request.model, [servedModel]);
  const inputs = checkedInputs(typeof input === "string" ? [input] : input, limits);
  return { request, inputs, base64: encoding_format === "base64", user: user ?? undefined };
}

function checkedInputs(inputs: readonly unknown[], { maxInputs, maxInputBytes }: InputLimits): string[] {
  const refusal = (message: string) => new ApiError(400, "invalid_request", message, { param: "input" });
  if (inputs.length === 0 || inputs.length > maxInputs) {
    throw refusal(`"input" takes 1 to ${maxInputs} texts, and there are ${inputs.length}`);
  }
  return inputs.map((input, i) => {
    // One model's own numbers for its tokens: another reads another text in them.
    if (typeof input === "number" || Array.isArray(input)) {
      throw refusal(
        '"input" takes texts here, not tokens: send the text itself (LangChain does with check_embedding_ctx_length=False)',
      );
    }
    if (typeof input !== "string" || input === "")
      throw refusal(`Input ${i} is not a text with anything in it`);
    if (Buffer.byteLength(input) > maxInputBytes) throw refusal(`Input ${i} is over ${maxInputBytes} bytes`);
    return input;
  });
}
