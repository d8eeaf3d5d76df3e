import { text } from "node:stream/consumers";
import { Agent, fetch, type Response } from "undici";
import { z } from "zod";
import type { Deadline } from "../resilience/deadline.ts";
import { traceHeaders } from "../telemetry/spans.ts";
import { EngineFailure, EngineRefusal, ResponseTooLarge } from "./engine.ts";

const refusal = z.object({ error: z.object({ code: z.string().regex(/^[a-z0-9_]{1,64}$/) }) });

/** Statuses about this request alone. Others are about the engine, or about this service's own standing with it. */
const refusals = [400, 413, 422];

/** Statuses that may be gone a moment later. A wrong key or address (401, 403, 404) is not. */
const passing = [408, 429, 500, 502, 503, 504];
const overloaded = [429, 503];

/** Nobody is sent away for longer, whatever the engine says. */
const maxRetryAfterMs = 3_600_000;

/**
 * Connections without a timeout of their own, as undici has them by default for the connection, the headers and
 * the body: how long an attempt may take is decided around this engine, and nowhere else.
 */
const dispatcher = new Agent({ connect: { timeout: 0 }, headersTimeout: 0, bodyTimeout: 0 });

/**
 * An engine is told what is left now and this much more, so that it stops when nobody waits any more, also where it is
 * not told. Told of the same moment, its own 504 could be here before our timer: a failure of the engine's, held
 * against it, in place of a deadline that has passed.
 */
const graceMs = 100;

export interface CallFacts {
  readonly tenant: string;
  readonly deadline: Pick<Deadline, "remainingMs"> | undefined;
}

/** Where an engine is, and what is taken from it. */
export interface EngineApi {
  /** Without `/v1`. */
  readonly url: URL;
  /** Of one response's body, decoded: an engine that sends without end is left there. */
  readonly maxResponseBytes: number;
}

/** A route of the OpenAI API. */
export function apiRoute({ url, maxResponseBytes }: EngineApi, path: string): EngineApi {
  return { url: new URL(`v1/${path}`, url.href.endsWith("/") ? url : `${url.href}/`), maxResponseBytes };
}

/**
 * Calls an engine's API once, and reads its response with `take`.
 *
 * Rejects with EngineFailure, EngineRefusal, ResponseTooLarge, or with the reason of an aborted signal.
 */
export async function openaiCall<T>(
  { url, maxResponseBytes }: EngineApi,
  body: unknown,
  { tenant, deadline }: CallFacts,
  take: (response: Response, provenance: string | undefined) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-tenant": tenant,
        ...traceHeaders(),
        ...(deadline && { "x-request-deadline-ms": String(Math.ceil(deadline.remainingMs()) + graceMs) }),
      },
      body: JSON.stringify(body),
      signal,
      dispatcher,
    });
    if (!response.ok) throw await failureOf(response, maxResponseBytes);
    return await take(response, response.headers.get("x-provenance") ?? undefined);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    if (isKnown(thrown)) throw thrown;
    throw new EngineFailure(`Cannot get an answer from ${url.href}: ${reasonOf(thrown)}`, {
      cause: thrown,
      retryable: true,
    });
  }
}

function isKnown(thrown: unknown): boolean {
  return [EngineFailure, EngineRefusal, ResponseTooLarge].some((known) => thrown instanceof known);
}

/**
 * The pieces of a body as they come, and of a longer one than may be none beyond: then it throws ResponseTooLarge.
 * Whoever leaves them leaves the body to its owner.
 */
export async function* atMost(
  maxBytes: number,
  body: NonNullable<Response["body"]>,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of body.values({ preventCancel: true })) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) {
      throw new ResponseTooLarge(
        `The engine's response is over ${maxBytes} bytes, the limit (BW_MODEL_MAX_RESPONSE_BYTES)`,
      );
    }
    yield piece;
  }
}

/** A body that is wanted whole. Of one that is too long the rest is left, and its connection closed. */
export async function bodyText({ body }: Response, maxBytes: number): Promise<string> {
  if (body === null) return "";
  try {
    return await text(atMost(maxBytes, body));
  } catch (thrown) {
    void body.cancel().catch(() => undefined);
    throw thrown;
  }
}

/** What the engine writes of its reasons stays here: it may quote the request, or tell of the engine's insides. */
async function failureOf(response: Response, maxBytes: number): Promise<EngineFailure | EngineRefusal> {
  // Its status says more than that its body is too long, or broke off.
  const body = await bodyText(response, maxBytes).catch(() => "");
  if (!refusals.includes(response.status)) {
    return new EngineFailure(`The engine answered with status ${response.status}`, {
      retryable: passing.includes(response.status),
      overloaded: overloaded.includes(response.status),
      retryAfterMs: retryAfterMs(response.headers.get("retry-after"), Date.now()),
    });
  }
  const { data } = refusal.safeParse(jsonOrUndefined(body));
  return new EngineRefusal(response.status, data?.error.code ?? null, "The model refuses this request");
}

/** A Retry-After in ms: seconds, or a date. */
function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), maxRetryAfterMs);
}

/** Without the parser's own message or cause: it quotes the answer, and the log must not. */
export function readJson<S extends z.ZodType>(schema: S, text: string): z.output<S> {
  const { success, data } = schema.safeParse(jsonOrUndefined(text));
  if (!success) throw new EngineFailure("The engine's answer is not readable");
  return data;
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch says only "fetch failed"; its cause says why. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause instanceof Error ? `${thrown.message}: ${thrown.cause.message}` : thrown.message;
}
