import { randomUUID } from "node:crypto";
import { createServer as createHttpServer, type Server } from "node:http";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { ApiError, apiErrorOf } from "./routes/api-error.ts";
import { type ChatCompletionsDeps, chatCompletions } from "./routes/chat-completions.ts";
import { live } from "./routes/live.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { models } from "./routes/models.ts";
import { type Readiness, ready } from "./routes/ready.ts";
import type { LogProblem } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/**
 * Longer than balancers and clients keep an idle connection (60 s is usual). By Node's default of 5 s this
 * side closes first, now and then just as a request comes, and a POST is not sent again.
 */
const keepAliveMs = 65_000;

export interface ServerDeps extends ChatCompletionsDeps {
  readonly metrics: Metrics;
  readonly readiness: () => Readiness;
  readonly onProblem: LogProblem;
}

/** The HTTP server with its routes, not listening yet. */
export function createServer(deps: ServerDeps): Server {
  const app = express();
  app.disable("x-powered-by");
  // A hash of every body, for answers that nobody asks for by If-None-Match.
  app.disable("etag");
  app.use(requestId, connectionClose(deps.readiness));
  const named = (route: string) => measured(route, deps.metrics);
  app.post("/v1/chat/completions", named("chat-completions"), chatCompletions(deps));
  app.get("/v1/models", named("models"), models(deps.model, deps.tenantOf));
  app.get("/health/live", named("live"), live);
  app.get("/health/ready", named("ready"), ready(deps.readiness));
  app.get("/metrics", named("metrics"), metricsRoute(deps.metrics));
  app.use(named("unknown"), (req) => {
    throw new ApiError(404, "not_found", `There is no ${req.method} ${req.path.slice(0, 100)}`);
  });
  app.use(errorResponse(deps.onProblem));
  return createHttpServer({ keepAliveTimeout: keepAliveMs }, app);
}

/** Takes over the caller's request id if it is a sane one, and sends it back. */
const requestId: RequestHandler = (req, res, next) => {
  const given = req.headers["x-request-id"];
  res.setHeader(
    "x-request-id",
    typeof given === "string" && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID(),
  );
  next();
};

/** While draining, every connection ends with the response it is on. */
function connectionClose(readiness: () => Readiness): RequestHandler {
  return (_req, res, next) => {
    if (readiness() === "draining") res.setHeader("connection", "close");
    next();
  };
}

function measured(route: string, metrics: Metrics): RequestHandler {
  return (_req, res, next) => {
    const began = performance.now();
    res.once("close", () => {
      metrics.request(route, res.writableEnded ? res.statusCode : 499, (performance.now() - began) / 1000);
    });
    next();
  };
}

function errorResponse(onProblem: LogProblem): ErrorRequestHandler {
  return (thrown: unknown, _req, res, next) => {
    const error = apiErrorOf(thrown);
    if (error.status >= 500) onProblem(error.code, thrown, { requestId: res.getHeader("x-request-id") });
    // Nothing can be said any more; Express then cuts the connection.
    if (res.headersSent) return next(thrown);
    if (error.retryAfterMs !== undefined) {
      res.setHeader("retry-after", String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
    }
    res.status(error.status).json(error.body());
  };
}
