import { once } from "node:events";
import type { Server } from "node:http";
import type { Cluster } from "ioredis";
import type { Logger } from "pino";
import { createAnswering } from "./answering.ts";
import { redisTier, type ShardGuard } from "./cache/redis.ts";
import { redisClient, whenConnected } from "./cache/redis-client.ts";
import { isShardFailure } from "./cache/redis-errors.ts";
import { shardGuards } from "./cache/shards.ts";
import type { Tier } from "./cache/tier.ts";
import type { Config } from "./config.ts";
import { drainable } from "./drain.ts";
import { EngineFailure } from "./inference/engine.ts";
import { openaiHttpEngine } from "./inference/openai-http.ts";
import { bulkhead } from "./resilience/bulkhead.ts";
import { deadline } from "./resilience/deadline.ts";
import { guard } from "./resilience/guard.ts";
import { type Policy, wrap } from "./resilience/policy.ts";
import { AttemptTimeout, timeout } from "./resilience/timeout.ts";
import type { Readiness } from "./routes/ready.ts";
import { createServer } from "./server.ts";
import { type LogProblem, problemLog } from "./telemetry/log.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";
import { observed } from "./telemetry/observed.ts";
import { reportedBreaker } from "./telemetry/reported-breaker.ts";
import { tenantsByKey } from "./tenants.ts";

export interface Service {
  /** Listens, and resolves once it is ready to be sent requests. Rejects when the address cannot be had. */
  start(): Promise<void>;
  /** Drains and lets go of Redis. @returns whether every request under way was finished */
  stop(): Promise<boolean>;
  readonly server: Server;
}

interface Telemetry {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly onProblem: LogProblem;
}

/** The whole service from its configuration: the one place where its parts meet. Nothing is global. */
export function compose(config: Config, log: Logger): Service {
  const metrics = createMetrics();
  const telemetry = { log, metrics, onProblem: problemLog(log, 1000, performance.now.bind(performance)) };
  const client = config.redisNodes.length > 0 ? connect(config, telemetry) : undefined;
  const { freshMs } = config.cache;

  let readiness: Readiness = "starting";
  const server = createServer({
    answering: createAnswering({
      cache: client === undefined ? undefined : cacheIn(client, config, telemetry),
      engine: openaiHttpEngine(config.model.url),
      engineGuard: modelGuard(config, telemetry),
      fallback: config.fallback,
      freshMs,
      now: Date.now,
      onCacheResult: metrics.cacheResult,
      onProblem: telemetry.onProblem,
    }),
    tenantOf: tenantsByKey(config.apiKeys),
    model: config.model.name,
    deadline: config.timeouts && deadline(config.timeouts.deadlineMs),
    now: Date.now,
    metrics,
    readiness: () => readiness,
    maxBodyBytes: config.maxBodyBytes,
    onProblem: telemetry.onProblem,
  });

  const drain = drainable(server);
  return {
    server,
    async start() {
      server.listen(config.listen.port, config.listen.host);
      await once(server, "listening");
      // It could serve without; but a first minute of misses helps nobody.
      if (client !== undefined) {
        await whenConnected(client, AbortSignal.timeout(config.startWaitMs)).catch((thrown: unknown) => {
          log.warn({ reason: String(thrown), waitedMs: config.startWaitMs }, "starting without Redis");
        });
      }
      if (readiness === "starting") readiness = "ready";
    },
    async stop() {
      readiness = "draining";
      const finished = await drain(config.drain);
      // Not quit(): that waits for replies, and hangs on a silent node.
      client?.disconnect();
      return finished;
    },
  };
}

function connect(config: Config, { onProblem }: Telemetry): Cluster {
  const client = redisClient(config.redisNodes, config.timeouts?.redisMs);
  client.on("error", (thrown) => onProblem("redis-cluster", thrown));
  client.on("node error", (thrown, node) => onProblem("redis-node", thrown, { node }));
  return client;
}

function cacheIn(client: Cluster, config: Config, { log, metrics }: Telemetry): Tier {
  const { timeouts, bulkheads, breakers, cache } = config;
  const reads = observed((outcome) => metrics.dependencyCall("redis-read", outcome));
  const writes = observed((outcome) => metrics.dependencyCall("redis-write", outcome));
  const attempt = timeouts && timeout(timeouts.redisMs);

  function shardGuard(master: string): ShardGuard & { forget(): void } {
    // One breaker for both: they call the same shard.
    const shard =
      breakers && reportedBreaker(`redis/${master}`, breakers.redis, isShardFailure, log, metrics);
    const around = (limit: number | undefined): Policy =>
      guard({
        bulkhead: limit === undefined ? undefined : bulkhead(limit),
        breaker: shard?.policy,
        timeout: attempt,
      });
    return {
      read: wrap(reads, around(bulkheads?.redisReads)),
      write: wrap(writes, around(bulkheads?.redisWrites)),
      forget: () => shard?.forget(),
    };
  }

  return redisTier({
    client,
    guardOf: shardGuards(client, shardGuard, (shard) => shard.forget()),
    keepMs: cache.freshMs + cache.staleMs,
    onDamaged: () => metrics.cacheResult("damaged"),
  });
}

function modelGuard({ timeouts, bulkheads, breakers }: Config, { log, metrics }: Telemetry): Policy {
  return wrap(
    observed((outcome) => metrics.dependencyCall("model", outcome)),
    guard({
      bulkhead: bulkheads && bulkhead(bulkheads.model),
      breaker: breakers && reportedBreaker("model", breakers.model, isModelFailure, log, metrics).policy,
      timeout: timeouts && timeout(timeouts.modelMs),
    }),
  );
}

function isModelFailure(thrown: unknown): boolean {
  return thrown instanceof EngineFailure || thrown instanceof AttemptTimeout;
}
