import { type CacheRule, isWhole } from "../cache/cacheable.ts";
import type { Cache, Lookup } from "../cache/layered.ts";
import type { Entry, Tier } from "../cache/tier.ts";
import type { Answer, Delta, Engine, EngineCall } from "../inference/engine.ts";
import { carries } from "../invalidation/scopes.ts";
import type { Flown } from "./coalesce.ts";
import { ageMs, drawFreshForMs } from "./freshness.ts";
import type { Leased, OncePerCluster } from "./lease.ts";

/** A new answer, and who made it: the engine for this process, or another process that held the lease. */
export type Made =
  | { readonly answer: Answer; readonly by: "engine" }
  | { readonly answer: Answer; readonly by: "another process"; readonly entry: Entry<Answer> };

export interface MakingLease {
  readonly once: OncePerCluster;
  /** What other processes have stored. Not the cache's own read: that counts, and one request is looked up once. */
  readonly look: Tier<Answer>["read"];
}

export interface MakingDeps {
  /** undefined: the service runs without a cache. */
  readonly cache: Cache<Answer> | undefined;
  /** The number of the latest invalidation that is known. */
  readonly epoch: () => number;
  /** Guarded: see composition/model.ts. */
  readonly engine: Engine;
  /** undefined: no lease is taken. */
  readonly lease: MakingLease | undefined;
  readonly freshMs: number;
  /** undefined: all answers are fresh for as long. */
  readonly jitterShare: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** From [0, 1). */
  readonly random: () => number;
}

/** What is to be answered anew. */
export interface Task {
  readonly key: string;
  readonly request: EngineCall["request"];
  readonly tenant: string;
  readonly priority: EngineCall["priority"];
  readonly deadline: EngineCall["deadline"];
  readonly rule: CacheRule;
  /** What the answer can be invalidated by. */
  readonly scopes: readonly string[];
  /** What the cache had; undefined: it was not asked. */
  readonly known: Lookup<Answer> | undefined;
  /** Whether pieces are wanted as they come; else the engine is asked for the whole. */
  readonly inPieces: boolean;
}

/** Makes new answers and stores them: the engine, under its guard, for one process of the cluster at a time. */
export function createMaking(deps: MakingDeps): (task: Task) => Flown<Made, Delta> {
  const { cache, epoch, engine, lease, freshMs, jitterShare, now, random } = deps;

  async function ask(
    task: Task,
    onPiece: (piece: Delta) => void,
    signal: AbortSignal,
  ): Promise<Leased<Made>> {
    const { request, tenant, priority, deadline, inPieces } = task;
    const onDelta = inPieces ? onPiece : undefined;
    const began = { at: now(), epoch: epoch() };
    const answer = await engine.answer({ request, tenant, priority, deadline, onDelta }, signal);
    const stored = store(task, answer, began);
    // A cache that could not be read is not waited for when it is written.
    if (cache?.writesThrough && (task.known?.failures.size ?? 0) === 0) await stored;
    return { value: { answer, by: "engine" }, stored };
  }

  async function store(
    { key, rule, scopes }: Task,
    value: Answer,
    began: { readonly at: number; readonly epoch: number },
  ): Promise<void> {
    if (cache === undefined || !rule.store || !isWhole(value)) return;
    const storedAt = now();
    const freshForMs = drawFreshForMs(freshMs, jitterShare, random());
    const computeMs = Math.max(0, storedAt - began.at);
    await cache.write(key, { value, storedAt, freshForMs, computeMs, epoch: began.epoch, scopes });
  }

  /** What another process has stored since the cache was asked. */
  async function newer(
    look: MakingLease["look"],
    { key, known, rule, scopes }: Task,
    askedAt: number,
    signal: AbortSignal,
  ): Promise<Made | undefined> {
    const entry = await look(key, signal);
    if (entry === undefined || entry.storedAt <= (known?.found?.entry.storedAt ?? 0)) return undefined;
    const fresh = now() - entry.storedAt < entry.freshForMs && isYoungEnough(entry, rule, askedAt, now());
    return fresh && carries(entry, scopes)
      ? { answer: entry.value, by: "another process", entry }
      : undefined;
  }

  return (task) => async (onPiece, signal) => {
    const { key, rule, known } = task;
    const askedAt = now();
    // Whoever waits under a lease waits for a stored answer. And a shard that has just failed is not asked again.
    const leasable = rule.read && rule.store && known?.failures.size === 0;
    if (lease === undefined || !leasable) return (await ask(task, onPiece, signal)).value;
    return lease.once(
      key,
      (inner) => newer(lease.look, task, askedAt, inner),
      () => ask(task, onPiece, signal),
      signal,
    );
  };
}

/**
 * Whether what another process made is as new as this caller wants it: by its age, or since it was made after the
 * caller asked, as their own would have been.
 *
 * @param askedAt in milliseconds since the epoch, as `now`
 */
export function isYoungEnough(
  entry: Pick<Entry<unknown>, "storedAt">,
  { maxAgeMs }: Pick<CacheRule, "maxAgeMs">,
  askedAt: number,
  now: number,
): boolean {
  return maxAgeMs === undefined || entry.storedAt >= askedAt || ageMs(entry, now) <= maxAgeMs;
}
