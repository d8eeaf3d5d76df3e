import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { RequestHandler } from "express";
import { type RequestRecord, statusOf } from "./request-record.ts";

export interface TracingSettings {
  /** Where an OpenTelemetry collector takes traces over HTTP. */
  readonly url: URL;
  /** Of the requests whose caller has not decided it already. */
  readonly share: number;
}

export interface Tracing {
  /** Opens the span of each request that it is given, below the caller's own where it sent one. */
  readonly requests: RequestHandler;
  /** Resolves when the collector has what there is, or when that takes too long. */
  stop(): Promise<void>;
}

const batchEveryMs = 1000;
const exportWithinMs = 1000;

/**
 * Sends traces to a collector, in batches and behind everything else. What it does not take in time is lost.
 *
 * This is loaded only where tracing is on, and sets the one context manager of the process: see spans.ts for what
 * then becomes a span.
 */
export function startTracing({ url, share }: TracingSettings): Tracing {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "breakwater" }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: url.href, timeoutMillis: exportWithinMs }),
        scheduledDelayMillis: batchEveryMs,
        exportTimeoutMillis: exportWithinMs,
      }),
    ],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const tracer = provider.getTracer("breakwater");

  return {
    requests(req, res, next) {
      const { record } = res.locals;
      const caller = propagation.extract(context.active(), req.headers);
      const span = tracer.startSpan(`${req.method} /v1`, { kind: SpanKind.SERVER }, caller);
      res.once("close", () => {
        span.updateName(`${req.method} ${record.route}`);
        const status = statusOf(record, res);
        span.setAttributes({
          "http.request.method": req.method,
          "http.response.status_code": status,
          ...attributesOf(record, res.writableEnded),
        });
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      });
      context.with(trace.setSpan(caller, span), next);
    },
    async stop() {
      // A collector that is gone is no reason to fail.
      await provider.shutdown().catch(() => undefined);
    },
  };
}

function attributesOf(record: RequestRecord, wasAnswered: boolean) {
  const { trail } = record;
  return {
    "breakwater.request_id": record.id,
    "breakwater.tenant": record.tenant,
    "breakwater.model": record.model,
    "breakwater.cache": trail?.cache,
    "breakwater.tier": trail?.tier,
    "breakwater.degraded": trail && [...trail.degraded].join(","),
    "breakwater.decided_by": record.errorCode ?? (wasAnswered ? decidedBy(record) : "caller-left"),
  };
}

/** What the answer came to by: the policy or tier. */
function decidedBy({ trail }: RequestRecord): string {
  if (trail?.stale !== undefined) return `stale-${trail.stale}`;
  if (trail?.coalesced !== undefined) return `coalesced-${trail.coalesced}`;
  if (trail?.cache === "hit") return `cache-${trail.tier ?? "unknown"}`;
  return trail === undefined ? "route" : "model";
}
