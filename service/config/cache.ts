import { z } from "zod";
import { ms, onOff, positiveMs, whole } from "./values.ts";

export const cacheVariables = z.object({
  BW_CACHE_FRESH_MS: positiveMs
    .prefault("600000")
    .describe("how long an answer is served without asking the model"),
  BW_CACHE_STALE_MS: ms
    .prefault("3600000")
    .describe("how much longer it may be served when the model is gone"),
  BW_CACHE_SAMPLED: onOff
    .prefault("off")
    .describe("on: answers drawn at random (temperature above 0, no seed) are cached too"),
  BW_CACHE_MAX_ANSWER_BYTES: whole(1, 1_048_576)
    .prefault("262144")
    .describe("of text in UTF-8; a larger answer is not stored"),
  BW_CACHE_COMPRESS_FROM_BYTES: whole(1, 100_000_000)
    .prefault("4096")
    .describe("entries in Redis from this size on are compressed"),
});

export function cacheSettings(env: z.output<typeof cacheVariables>) {
  return {
    cache: {
      freshMs: env.BW_CACHE_FRESH_MS,
      staleMs: env.BW_CACHE_STALE_MS,
      sampled: env.BW_CACHE_SAMPLED,
      compressFromBytes: env.BW_CACHE_COMPRESS_FROM_BYTES,
      maxAnswerBytes: env.BW_CACHE_MAX_ANSWER_BYTES,
    },
  };
}
