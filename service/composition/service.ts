import { once } from "node:events";
import type { Server } from "node:http";
import type { Logger } from "pino";
import { answerKind } from "../cache/answer-value.ts";
import { cacheRule, embeddingsRule } from "../cache/cacheable.ts";
import { embeddingKind } from "../cache/embedding-value.ts";
import { whenConnected } from "../cache/redis-client.ts";
import type { Config } from "../config/config.ts";
import { drainable } from "../http/drain.ts";
import { createServer } from "../http/server.ts";
import { tenantLimits } from "../http/tenant-limits.ts";
import { adminsByKey, tenantsByKey } from "../http/tenants.ts";
import { openaiHttpEmbeddings } from "../inference/embeddings-http.ts";
import { openaiHttpEngine } from "../inference/openai-http.ts";
import type { Readiness } from "../routes/ready.ts";
import { openAccessLog } from "../telemetry/access-log.ts";
import { problemLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { answeringOf } from "./answering.ts";
import { embeddingTiers, embedOf } from "./embeddings.ts";
import { invalidationPart } from "./invalidation.ts";
import { guardedEngine, modelGuard } from "./model.ts";
import { connect, guardsOfShards, leasesInRedis } from "./redis.ts";
import { guardOfRequests } from "./request.ts";
import type { Telemetry } from "./telemetry.ts";
import { tiersOf } from "./tiers.ts";

export interface Service {
  /** Listens, and resolves once it is ready to be sent requests. Rejects when the address cannot be had. */
  start(): Promise<void>;
  /** Drains and lets go of Redis. @returns whether every request under way was finished */
  stop(): Promise<boolean>;
  readonly server: Server;
}

/**
 * The whole service from its configuration: the one place where its parts meet. Nothing is global.
 *
 * Throws where the access log cannot be opened.
 *
 * @param tracing undefined: there are no traces
 */
export function compose(config: Config, log: Logger, tracing?: Tracing): Service {
  const metrics = createMetrics();
  const telemetry: Telemetry = {
    log,
    metrics,
    onProblem: problemLog(log, 1000, performance.now.bind(performance)),
  };
  const client = config.redis.nodes.length > 0 ? connect(config, telemetry) : undefined;
  const redis = client && { client, guardOf: guardsOfShards(client, config, telemetry) };
  const invalidations = invalidationPart(config, client, telemetry);
  const tiers = { config, telemetry, redis, invalidations };
  const answers = tiersOf("answers", answerKind, config.cache, tiers);
  const vectors = tiersOf("embeddings", embeddingKind, embeddingTiers(config), tiers);
  const guardOfModel = modelGuard(config, telemetry);
  const stopping = new AbortController();
  const accessLog =
    config.accessLog === undefined
      ? undefined
      : openAccessLog(config.accessLog, metrics.accessLogLineLost, (thrown) =>
          telemetry.onProblem("access-log", thrown),
        );

  let readiness: Readiness = "starting";
  const server = createServer({
    answering: answeringOf(
      {
        cache: answers.cache,
        invalidations,
        leases: redis && leasesInRedis(redis, config, invalidations),
        engine: guardedEngine(openaiHttpEngine(config.model), guardOfModel),
        stopping: stopping.signal,
      },
      config,
      telemetry,
    ),
    stallMs: config.timeouts?.streamStallMs,
    cacheRule(request, cacheControl) {
      const rule = cacheRule(request, cacheControl, config.cache);
      metrics.cacheRule("answers", rule.reason);
      return rule;
    },
    embed: embedOf(
      {
        cache: vectors.cache,
        invalidations,
        engine: openaiHttpEmbeddings(config.model),
        guardOf: guardOfModel,
      },
      config,
      telemetry,
    ),
    embeddingsRule(cacheControl) {
      const rule = embeddingsRule(cacheControl);
      metrics.cacheRule("embeddings", rule.reason);
      return rule;
    },
    embeddingsModel: config.embeddings.model,
    inputLimits: config.embeddings.inputLimits,
    tenantByKey: tenantsByKey(config.apiKeys),
    isAdmin: adminsByKey(config.adminKeys),
    invalidations,
    modelEpoch: config.model.epoch,
    prioritised: config.shed !== undefined,
    admission:
      config.tenantLimits &&
      tenantLimits(config.tenantLimits, performance.now.bind(performance), metrics.tenantLimited),
    clientSalt: config.clientSalt,
    httpLimits: config.httpLimits,
    accessLog,
    tracing,
    model: config.model.name,
    guard: guardOfRequests(config, metrics),
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
      await invalidations?.start(config.startWaitMs);
      if (readiness === "starting") readiness = "ready";
    },
    async stop() {
      readiness = "draining";
      const finished = await drain(config.drain);
      stopping.abort(new Error("the service stops"));
      await Promise.all([answers.stop(), vectors.stop()]);
      // Not quit(): that waits for replies, and hangs on a silent node.
      invalidations?.stop();
      client?.disconnect();
      await accessLog?.close();
      await tracing?.stop();
      return finished;
    },
  };
}
