import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Answering, createAnswering } from "../answering/answering.ts";
import { flights } from "../answering/coalesce.ts";
import { type LeaseStore, type OncePerCluster, oncePerCluster } from "../answering/lease.ts";
import { createMaking } from "../answering/making.ts";
import { refreshes } from "../answering/refresh.ts";
import type { Cache } from "../cache/layered.ts";
import type { Tier } from "../cache/tier.ts";
import type { Config } from "../config/config.ts";
import type { Answer, Engine } from "../inference/engine.ts";
import type { Invalidations } from "../invalidation/invalidations.ts";
import { deadlineIn } from "../resilience/deadline.ts";
import { ownTime } from "../resilience/own-time.ts";
import type { Policy } from "../resilience/policy.ts";
import { inSpan } from "../telemetry/spans.ts";
import type { Telemetry } from "./telemetry.ts";

export interface AnsweringParts {
  /** undefined: no cache at all. */
  readonly cache: Cache<Answer> | undefined;
  /** undefined: what is stored is served until it expires. */
  readonly invalidations: Pick<Invalidations, "epoch"> | undefined;
  /** undefined: no Redis. */
  readonly leases: { readonly store: LeaseStore; readonly look: Tier<Answer>["read"] } | undefined;
  /** Guarded: see model.ts. */
  readonly engine: Engine;
  /** Aborted when the service stops: nobody waits for refreshes. */
  readonly stopping: AbortSignal;
}

/** A span around the lease, the wait for its holder or the making under it included. */
function traced(once: OncePerCluster): OncePerCluster {
  return (key, look, make, signal) =>
    inSpan(
      "lease",
      () => "failed",
      () => once(key, look, make, signal),
    );
}

const unlimited: Policy = (call) => call;

/** How answers come about: cache, coalescing, lease, refreshes and the engine as one. */
export function answeringOf(
  { cache, invalidations, leases, engine, stopping }: AnsweringParts,
  config: Config,
  { metrics, onProblem }: Telemetry,
): Answering {
  const { answering, timeouts } = config;
  const lease = leases &&
    answering.lease && {
      look: leases.look,
      once: traced(
        oncePerCluster({
          store: leases.store,
          ttlMs: answering.lease.ttlMs,
          limit: timeouts === undefined ? unlimited : ownTime(timeouts.leaseMs),
          newToken: randomUUID,
          pause: (ms, signal) => delay(ms, undefined, { signal }),
          random: Math.random,
          onResult: metrics.leaseResult,
        }),
      ),
    };
  const epoch = () => invalidations?.epoch() ?? 0;
  return createAnswering({
    cache,
    epoch,
    scoped: invalidations !== undefined,
    making: createMaking({
      cache,
      epoch,
      engine,
      lease,
      freshMs: config.cache.freshMs,
      jitterShare: answering.jitterShare,
      now: Date.now,
      random: Math.random,
    }),
    answers: flights(metrics.flights),
    newDeadline: () =>
      timeouts && deadlineIn(timeouts.deadlines.defaultMs, performance.now.bind(performance)),
    coalesce: answering.coalesce,
    freshness: {
      revalidateMs: answering.revalidateMs,
      staleMs: config.cache.staleMs,
      earlyBeta: answering.earlyBeta,
    },
    refreshBehind: refreshes({
      limit: answering.refreshConcurrency,
      stopping,
      onResult: metrics.refresh,
    }),
    fallback: config.fallback,
    beforeDeadlineMs: answering.beforeDeadlineMs,
    modelEpoch: config.model.epoch,
    now: Date.now,
    random: Math.random,
    onCacheResult: metrics.cacheResult,
    onCoalesced: metrics.answerCoalesced,
    onProblem,
  });
}
