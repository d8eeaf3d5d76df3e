import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "ioredis";
import { shardSubscriber } from "../cache/shard-subscriber.ts";
import type { Config } from "../config/config.ts";
import {
  createInvalidations,
  type Invalidations,
  type InvalidationsFeed,
} from "../invalidation/invalidations.ts";
import { channel, readNews, redisMarks } from "../invalidation/redis-marks.ts";
import { kindOf } from "../invalidation/scopes.ts";
import { wrap } from "../resilience/policy.ts";
import { timeout } from "../resilience/timeout.ts";
import { observed } from "../telemetry/observed.ts";
import type { Telemetry } from "./telemetry.ts";

/** Where attempts have no timeout: polls are one at a time, and one without an answer would be the last. */
const ownTimeoutMs = 1000;

export interface InvalidationPart extends Invalidations {
  /** Begins to ask and to listen. Resolves once everything is known, or could not be had within `waitMs`. */
  start(waitMs: number): Promise<void>;
  stop(): void;
}

/** @param client undefined: this replica is all there is */
export function invalidationPart(
  config: Config,
  client: Cluster | undefined,
  { metrics, onProblem }: Telemetry,
): InvalidationPart | undefined {
  const { invalidation, timeouts, apiKeys } = config;
  if (invalidation === undefined) return undefined;
  const { maxMarks, maxBlindMs, pollMs } = invalidation;
  const retentionMs = longestLifeMs(config);
  const tenants = new Set(apiKeys?.map(({ tenant }) => tenant)).size;
  const guard = wrap(
    observed("redis-marks", metrics.dependencyCall),
    timeout(timeouts?.redisMs ?? ownTimeoutMs),
  );
  const feed = createInvalidations({
    store: client && redisMarks(client, { maxMarks, retentionMs }, guard),
    maxMarks,
    // One share more than there are tenants: for what concerns all of them.
    maxMarksOfTenant: Math.max(1, Math.floor(maxMarks / (Math.max(1, tenants) + 1))),
    maxBlindMs,
    now: Date.now,
    clock: performance.now.bind(performance),
    onLearnt: (scope, source) => metrics.invalidationLearnt(kindOf(scope), source),
    onProblem,
  });
  metrics.watchInvalidations(feed);
  const stops = new DisposableStack();
  return {
    ...feed,
    async start(waitMs) {
      // The service may have been stopped while it still waited for Redis.
      if (client === undefined || stops.disposed) return;
      stops.defer(listen(feed, client, { metrics, onProblem }));
      const timer = setInterval(() => void feed.poll(), pollMs).unref();
      stops.defer(() => clearInterval(timer));
      await Promise.race([feed.poll(), delay(waitMs, undefined, { ref: false })]);
    },
    stop: () => stops.dispose(),
  };
}

/**
 * From when making something began until its entry is dropped, whichever kind lives longest: a mark that is dropped
 * sooner makes all that is older invalid, everybody's.
 */
export function longestLifeMs({ cache, embeddings, timeouts }: Config): number {
  const makingMs = timeouts?.deadlines.maxMs ?? 60_000;
  return makingMs + Math.max(cache.freshMs, embeddings.freshMs) + cache.staleMs;
}

function listen(
  feed: InvalidationsFeed,
  client: Cluster,
  { metrics, onProblem }: Pick<Telemetry, "metrics" | "onProblem">,
): () => void {
  return shardSubscriber({
    client,
    channel,
    heartbeatMs: 500,
    onMessage(message) {
      try {
        feed.hear(readNews(message));
      } catch (thrown) {
        onProblem("invalidation-message", thrown);
      }
    },
    onSubscribed() {
      metrics.invalidationSubscribed(true);
      // What was said until now was not heard.
      void feed.poll();
    },
    onLost(thrown) {
      metrics.invalidationSubscribed(false);
      onProblem("invalidation-subscription", thrown);
    },
  });
}
