import { z } from "zod";
import { count, positiveMs, whole } from "./values.ts";

/** POST /v1/embeddings. */
export const embeddingsVariables = z.object({
  BW_EMBEDDINGS_MODEL_NAME: z
    .string()
    .min(1)
    .default("embed-256")
    .meta({ values: "any text" })
    .describe("at the model server too"),
  BW_EMBEDDINGS_FRESH_MS: positiveMs
    .prefault("86400000")
    .describe("how long an embedding is served without asking the model"),
  BW_EMBEDDINGS_STORE: z
    .enum(["float32", "int8"])
    .default("float32")
    .describe("int8: a quarter of the bytes, for a cosine that is off by about 1 in 20,000"),
  BW_EMBEDDINGS_L1_MAX_BYTES: whole(0, 9_999_999_999)
    .prefault("33554432")
    .describe("of memory for embeddings, where BW_CACHE_L1 is on; 0: none"),
  BW_EMBEDDINGS_MAX_INPUTS: whole(1, 2048).prefault("1024").describe("of one request"),
  BW_EMBEDDINGS_MAX_INPUT_BYTES: count.prefault("65536").describe("of each input, in UTF-8"),
  BW_EMBEDDINGS_CACHE_CONCURRENCY: count
    .prefault("16")
    .describe(
      "reads, or writes through, under way for one request; fewer than BW_REDIS_CONCURRENCY and BW_REDIS_WRITE_CONCURRENCY leave places for others",
    ),
});

export function embeddingsSettings(env: z.output<typeof embeddingsVariables>) {
  return {
    embeddings: {
      model: env.BW_EMBEDDINGS_MODEL_NAME,
      freshMs: env.BW_EMBEDDINGS_FRESH_MS,
      form: env.BW_EMBEDDINGS_STORE,
      memoryBytes: env.BW_EMBEDDINGS_L1_MAX_BYTES,
      cacheConcurrency: env.BW_EMBEDDINGS_CACHE_CONCURRENCY,
      inputLimits: {
        maxInputs: env.BW_EMBEDDINGS_MAX_INPUTS,
        maxInputBytes: env.BW_EMBEDDINGS_MAX_INPUT_BYTES,
      },
    },
  };
}
