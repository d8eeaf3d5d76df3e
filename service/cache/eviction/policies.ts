import type { CreateBoundedMap } from "./bounded-map.ts";
import { lru } from "./lru.ts";
import { s3Fifo } from "./s3-fifo.ts";
import { sieve } from "./sieve.ts";

/** The eviction policies, by the names that the configuration has for them. */
export const evictionPolicies = { lru, sieve, "s3-fifo": s3Fifo } satisfies Record<string, CreateBoundedMap>;

export type EvictionPolicyName = keyof typeof evictionPolicies;
