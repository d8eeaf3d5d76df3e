import { z } from "zod";
import { ApiError } from "./api-error.ts";
import { embeddingDimensions } from "./embedding-vectors.ts";

/** As the OpenAI API has it. */
const maxInputs = 2048;

const text = z.string().min(1);

/** Members that do not change the embeddings, such as `user`, are taken and ignored. */
const embeddingsRequest = z
  .looseObject({
    model: z.string(),
    input: z.union([text, z.array(text).min(1).max(maxInputs)]),
    encoding_format: z.enum(["float", "base64"]).nullish(),
    dimensions: z.int().min(1).max(embeddingDimensions).nullish(),
  })
  .transform(({ model, input, encoding_format, dimensions }) => ({
    model,
    inputs: typeof input === "string" ? [input] : input,
    base64: encoding_format === "base64",
    dimensions: dimensions ?? embeddingDimensions,
  }));

export type EmbeddingsRequest = z.output<typeof embeddingsRequest>;

/** Reads the body of an embeddings request. Throws an ApiError, status 400, that names what is wrong. */
export function parseEmbeddingsRequest(body: string): EmbeddingsRequest {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new ApiError(400, "invalid_json", `Cannot read the request's body as JSON: ${String(cause)}`);
  }
  const { success, data, error } = embeddingsRequest.safeParse(value);
  if (success) return data;
  const [first] = error.issues;
  const param = first?.path.join(".") ?? "";
  const reasons = error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  throw new ApiError(400, "invalid_request", `Cannot read the request: ${reasons.join("; ")}`, param || null);
}
