import { z } from "zod";
import { type EvictionPolicyName, evictionPolicies } from "../cache/eviction/policies.ts";
import { count, ms, onOff, positiveMs, whole } from "./values.ts";

const policyNames: readonly string[] = Object.keys(evictionPolicies);
const isPolicy = (name: string): name is EvictionPolicyName => policyNames.includes(name);

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

  BW_CACHE_L1: onOff.describe("the tier in this process's memory"),
  BW_CACHE_L1_MAX_BYTES: whole(0, 9_999_999_999)
    .prefault("67108864")
    .describe("of memory for answers; an entry over a sixteenth of it is not taken; 0: none"),
  BW_CACHE_L1_POLICY: z
    .string()
    .default("sieve")
    .refine(isPolicy, `must be one of ${policyNames.join(", ")}`)
    .meta({ values: policyNames.map((name) => `\`${name}\``).join(", ") })
    .describe("what makes room"),

  BW_CACHE_WRITES: z
    .enum(["write-behind", "write-through"])
    .default("write-behind")
    .describe("whether an answer waits until Redis has it"),
  BW_CACHE_WRITE_QUEUE_ENTRIES: count
    .prefault("10000")
    .describe("that wait to be written behind; more are lost"),
  BW_CACHE_WRITE_QUEUE_BYTES: whole(1, 9_999_999_999).prefault("16777216").describe("of these entries"),
  BW_CACHE_WRITE_CONCURRENCY: count
    .prefault("16")
    .describe(
      "writes behind under way; below BW_REDIS_WRITE_CONCURRENCY none is turned away for want of a place",
    ),
  BW_CACHE_WRITE_DRAIN_MS: ms
    .prefault("1000")
    .describe("how long a stop waits for what still has to be written"),
});

export function cacheSettings(env: z.output<typeof cacheVariables>) {
  return {
    cache: {
      freshMs: env.BW_CACHE_FRESH_MS,
      staleMs: env.BW_CACHE_STALE_MS,
      sampled: env.BW_CACHE_SAMPLED,
      compressFromBytes: env.BW_CACHE_COMPRESS_FROM_BYTES,
      memoryBytes: env.BW_CACHE_L1_MAX_BYTES,
      l1: env.BW_CACHE_L1 ? { policy: env.BW_CACHE_L1_POLICY } : undefined,
      writes: {
        behind:
          env.BW_CACHE_WRITES === "write-behind"
            ? {
                maxEntries: env.BW_CACHE_WRITE_QUEUE_ENTRIES,
                maxBytes: env.BW_CACHE_WRITE_QUEUE_BYTES,
                concurrency: env.BW_CACHE_WRITE_CONCURRENCY,
                drainMs: env.BW_CACHE_WRITE_DRAIN_MS,
              }
            : undefined,
      },
      maxValueBytes: env.BW_CACHE_MAX_ANSWER_BYTES,
    },
  };
}
