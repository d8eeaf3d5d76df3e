import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { ApiError } from "../routes/api-error.ts";
import { apiErrorOf } from "../routes/api-error-of.ts";
import { type ChatCompletionsDeps, chatCompletions } from "../routes/chat-completions.ts";
import { type EmbeddingsDeps, embeddings } from "../routes/embeddings.ts";
import { type InvalidateDeps, invalidate } from "../routes/invalidate.ts";
import { live } from "../routes/live.ts";
import { metricsRoute } from "../routes/metrics.ts";
import { model, models } from "../routes/models.ts";
import { priorityOf } from "../routes/priority.ts";
import { type Readiness, ready } from "../routes/ready.ts";
import type { AccessLog } from "../telemetry/access-log.ts";
import type { LogProblem } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { newRecord, statusOf } from "../telemetry/request-record.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { type HttpLimits, limitedServer } from "./http-limits.ts";
import type { Admission } from "./tenant-limits.ts";
import type { IsAdmin, TenantByKey } from "./tenants.ts";

export interface ServerDeps extends ChatCompletionsDeps, EmbeddingsDeps {
  readonly httpLimits: HttpLimits;
  /** undefined: there is no such route. */
  readonly invalidations: InvalidateDeps["invalidations"] | undefined;
  readonly modelEpoch: string;
  readonly isAdmin: IsAdmin;
  readonly tenantByKey: TenantByKey;
  /** Off: nobody's priority makes a difference. */
  readonly prioritised: boolean;
  /** undefined: tenants are not limited. */
  readonly admission: Admission | undefined;
  readonly metrics: Metrics;
  /** undefined: none is written. */
  readonly accessLog: AccessLog | undefined;
  /** undefined: there are no traces. */
  readonly tracing: Pick<Tracing, "requests"> | undefined;
  readonly readiness: () => Readiness;
  readonly onProblem: LogProblem;
}

/** The HTTP server with its routes, not listening yet. */
export function createServer(deps: ServerDeps): Server {
  const { httpLimits, metrics, readiness } = deps;
  const app = express();
  app.disable("x-powered-by");
  // A hash of every body, for answers that nobody asks for by If-None-Match.
  app.disable("etag");
  // Nothing here is asked by a query; the parser would be one more thing to feed.
  app.disable("query parser");
  // Before the router is made, which is when something is first given to use().
  app.enable("case sensitive routing");
  app.use(record(deps));
  // By the router, as the routes are found: a target may be a whole address, which does not begin with the path.
  app.use("/v1", ofTheApi);
  if (deps.tracing !== undefined) app.use("/v1", deps.tracing.requests);
  app.use(connectionClose(readiness), saneHeaders(httpLimits.maxHeaders));

  function route(method: "get" | "post", path: string, name: string, ...handlers: RequestHandler[]): void {
    const here = app.route(path);
    here.all((_req, res, next) => {
      res.locals.record.route = name;
      next();
    });
    here[method](...handlers);
    here.all((req, res) => {
      res.setHeader("allow", method.toUpperCase());
      throw new ApiError(405, "method_not_allowed", `${req.path} does not take ${req.method}`);
    });
  }
  const admitted = admission(deps);
  route("post", "/v1/chat/completions", "chat-completions", admitted, chatCompletions(deps));
  route("post", "/v1/embeddings", "embeddings", admitted, embeddings(deps));
  const { invalidations, isAdmin } = deps;
  if (invalidations !== undefined) {
    const unlessAdmin: RequestHandler = (req, res, next) => {
      const asAdmin = isAdmin(req.headers.authorization);
      res.locals.record.isAdmin = asAdmin;
      return asAdmin ? next() : admitted(req, res, next);
    };
    const handler = invalidate({ ...deps, invalidations });
    route("post", "/v1/cache/invalidate", "invalidate", unlessAdmin, handler);
  }
  const served = [deps.model, deps.embeddingsModel];
  route("get", "/v1/models", "models", admitted, models(served));
  route("get", "/v1/models/*id", "models", admitted, model(served));
  route("get", "/health/live", "live", live);
  route("get", "/health/ready", "ready", ready(readiness));
  route("get", "/metrics", "metrics", metricsRoute(metrics));
  app.use((req) => {
    throw new ApiError(404, "not_found", `There is no ${req.method} ${req.path.slice(0, 100)}`);
  });
  app.use(errorResponse(deps.onProblem));
  return limitedServer(httpLimits, app, metrics.connectionRefused);
}

/** Opens the request's record under the caller's id, if it is a sane one, and tells of it when all is over. */
function record({ metrics, accessLog }: ServerDeps): RequestHandler {
  return (req, res, next) => {
    const given = req.headers["x-request-id"];
    const id = typeof given === "string" && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
    const kept = newRecord(id);
    res.locals.record = kept;
    res.setHeader("x-request-id", id);
    const arrivedAt = Date.now();
    const began = performance.now();
    metrics.requestArrived();
    res.once("close", () => {
      const status = statusOf(kept, res);
      const ms = performance.now() - began;
      metrics.request(kept.route, status, ms / 1000);
      if (!kept.isApi) return;
      metrics.tenantRequest(kept, status);
      accessLog?.write(kept, arrivedAt, ms, status);
    });
    next();
  };
}

const ofTheApi: RequestHandler = (_req, res, next) => {
  res.locals.record.isApi = true;
  next();
};

/** While draining, a connection ends with its next response. drain.ts sees to those that are under way by then. */
function connectionClose(readiness: () => Readiness): RequestHandler {
  return (_req, res, next) => {
    if (readiness() === "draining") res.setHeader("connection", "close");
    next();
  };
}

function saneHeaders(maxHeaders: number): RequestHandler {
  return (req, res, next) => {
    if (req.rawHeaders.length / 2 > maxHeaders) {
      res.setHeader("connection", "close");
      throw new ApiError(431, "headers_too_large", `There are more than ${maxHeaders} headers`);
    }
    if (req.headers.host === undefined && req.httpVersion === "1.1") {
      throw new ApiError(400, "malformed_http", "HTTP/1.1 requires the header Host");
    }
    next();
  };
}

/** Finds out whose request it is and how it weighs, and takes one of the tenant's places, until the last byte is out. */
function admission({ tenantByKey, prioritised, admission: admit }: ServerDeps): RequestHandler {
  return (req, res, next) => {
    const { record } = res.locals;
    const tenant = tenantByKey(req.headers.authorization);
    record.tenant = tenant;
    const asked = priorityOf(req.headers["x-priority"]);
    if (prioritised) record.priority = asked;
    if (admit !== undefined) res.once("close", admit(tenant, record.priority));
    next();
  };
}

function errorResponse(onProblem: LogProblem): ErrorRequestHandler {
  return (thrown: unknown, _req, res, next) => {
    const error = apiErrorOf(thrown);
    res.locals.record.errorCode = error.code;
    if (error.status >= 500) onProblem(error.code, thrown, { requestId: res.locals.record.id });
    // Nothing can be said any more; Express then cuts the connection.
    if (res.headersSent) return next(thrown);
    if (error.retryAfterMs !== undefined) {
      res.setHeader("retry-after", String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
    } else if (error.status >= 500) {
      // The official clients repeat any 5xx, unless they are told not to.
      res.setHeader("x-should-retry", "false");
    }
    res.status(error.status).json(error.body());
  };
}
