import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

/*
 * Spans of what is done for one request. As long as nothing has called startTracing() there is no active span, and
 * all of this comes down to asking for it.
 */

const tracer = trace.getTracer("breakwater");
const attempts = new WeakMap<Span, Map<string, number>>();

/**
 * Runs a part of a request's work in a span of its own, a child of the one that is active; without one, just runs it.
 *
 * @param outcomeOf what is said of how it ended, by what it threw; undefined: it threw nothing
 */
export async function inSpan<T>(
  name: string,
  outcomeOf: (thrown: unknown) => string,
  call: () => Promise<T>,
): Promise<T> {
  const parent = trace.getActiveSpan();
  if (parent === undefined) return call();
  const options = { kind: SpanKind.CLIENT, attributes: { "breakwater.attempt": nextAttempt(parent, name) } };
  return tracer.startActiveSpan(name, options, async (span) => {
    try {
      const value = await call();
      span.setAttribute("breakwater.outcome", "ok");
      return value;
    } catch (thrown) {
      span.setAttribute("breakwater.outcome", outcomeOf(thrown));
      // No message: it may quote what it is about.
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw thrown;
    } finally {
      span.end();
    }
  });
}

/** Counting from 1: the second attempt at one dependency for one request is a retry. */
function nextAttempt(parent: Span, name: string): number {
  const counts = attempts.get(parent) ?? new Map<string, number>();
  attempts.set(parent, counts);
  const attempt = (counts.get(name) ?? 0) + 1;
  counts.set(name, attempt);
  return attempt;
}

/** Notes a moment in the span that is active. */
export function spanEvent(name: string, attributes: Readonly<Record<string, string>>): void {
  trace.getActiveSpan()?.addEvent(name, attributes);
}

/** The headers that carry the active span on to what is called: `traceparent` (W3C Trace Context). */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}
