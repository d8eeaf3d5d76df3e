import { type PolicyName, policies } from "../policies/catalog.ts";
import type { Cache, NextUse } from "../policies/policy.ts";
import { nextUse } from "../policies/structures/next-use.ts";
import type { JobKind } from "./run-sweep.ts";

/** What was asked for, in the order of time, as dense keys below `keys`. */
export interface RequestStream {
  readonly requests: Uint32Array;
  readonly keys: number;
  /** Weight of each key, in the unit of the capacities. Absent: entries. */
  readonly weight?: Uint32Array;
  /** 32 bits of each key's own hash, for policies that hash keys. */
  readonly hash?: Int32Array;
  /** Cost of a miss of each key, for policies that weigh it. */
  readonly cost?: Float64Array;
}

export interface PolicyJob {
  readonly policy: PolicyName;
  readonly capacity: number;
  /** Requests before this one fill the cache, and are not counted. Default 0. */
  readonly countFrom?: number;
}

export interface PolicyResult {
  readonly requests: number;
  readonly hits: number;
}

/** Runs one policy at one capacity over a stream without invalidations. */
export const policyRun: JobKind<RequestStream, PolicyJob, PolicyResult> = {
  module: import.meta.url,
  name: "policyRun",
  run(stream, { policy, capacity, countFrom = 0 }) {
    const { requests, keys, weight, hash, cost } = stream;
    const cache = policies[policy].create({
      capacity,
      keys,
      ...(weight === undefined ? {} : { weight }),
      ...(hash === undefined ? {} : { hash }),
      ...(cost === undefined ? {} : { cost }),
      ...(policy === "belady" ? { future: futureOf(stream) } : {}),
    });
    replay(cache, requests, 0, countFrom);
    return { requests: Math.max(0, requests.length - countFrom), hits: replay(cache, requests, countFrom) };
  },
};

/** Asks a cache for requests `from` to before `to`, and counts the hits. */
export function replay(cache: Cache, requests: Uint32Array, from = 0, to: number = requests.length): number {
  const end = Math.min(to, requests.length);
  let hits = 0;
  for (let i = from; i < end; i++) {
    if (cache.access(requests[i] as number)) hits++;
  }
  return hits;
}

/** Looking ahead costs a pass: once for each thread and stream, not for each capacity. */
const futures = new WeakMap<Uint32Array, NextUse>();

function futureOf({ requests, keys }: RequestStream): NextUse {
  const known = futures.get(requests);
  if (known !== undefined) return known;
  const future = nextUse(requests, keys);
  futures.set(requests, future);
  return future;
}
