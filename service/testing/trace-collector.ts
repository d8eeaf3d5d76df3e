import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { eventually } from "./redis-cluster.ts";

const attributes = z
  .array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) }))
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]])));
const spanShape = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  attributes,
  status: z.object({ code: z.int().optional(), message: z.string().optional() }).default({}),
  events: z.array(z.object({ name: z.string(), attributes })).default([]),
});
export type ReceivedSpan = z.output<typeof spanShape>;
const exported = z.object({
  resourceSpans: z.array(z.object({ scopeSpans: z.array(z.object({ spans: z.array(spanShape) })) })),
});

/** An OpenTelemetry collector that keeps what it is sent, over HTTP as JSON. */
export async function startCollector() {
  const spans: ReceivedSpan[] = [];
  let bytes = "";
  const server = createServer(async (req, res) => {
    const body = await text(req);
    bytes += body;
    const { resourceSpans } = exported.parse(JSON.parse(body));
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    res.setHeader("content-type", "application/json");
    res.end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const url = `http://127.0.0.1:${port}/v1/traces`;
  return {
    spans,
    env: { BW_TRACING: "otlp", BW_TRACING_URL: url },
    received: () => bytes,
    async requestSpan(requestId: string): Promise<ReceivedSpan> {
      const isIt = (span: ReceivedSpan) => span.attributes["breakwater.request_id"] === requestId;
      await eventually(() => spans.some(isIt));
      const span = spans.find(isIt);
      assert(span !== undefined);
      return span;
    },
    /** What is below a span, at any depth, in order of its ends. */
    below({ traceId, spanId }: ReceivedSpan): ReceivedSpan[] {
      const within = new Set([spanId]);
      const inTrace = spans.filter((span) => span.traceId === traceId);
      for (let i = 0; i < inTrace.length; i++) {
        for (const span of inTrace) if (within.has(span.parentSpanId ?? "")) within.add(span.spanId);
      }
      within.delete(spanId);
      return inTrace.filter((span) => within.has(span.spanId));
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
