import { z } from "zod";
import { ms, positiveMs } from "./values.ts";

export const cacheVariables = z.object({
  BW_CACHE_FRESH_MS: positiveMs
    .prefault("600000")
    .describe("how long an answer is served without asking the model"),
  BW_CACHE_STALE_MS: ms
    .prefault("3600000")
    .describe("how much longer it may be served when the model is gone"),
});

export function cacheSettings(env: z.output<typeof cacheVariables>) {
  return { cache: { freshMs: env.BW_CACHE_FRESH_MS, staleMs: env.BW_CACHE_STALE_MS } };
}
