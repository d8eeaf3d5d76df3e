import { Agent, fetch, type Response } from "undici";
import { z } from "zod";
import { type Answer, type Engine, type EngineCall, EngineFailure, EngineRefusal } from "./engine.ts";
import { eventData } from "./event-stream.ts";

const usage = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  total_tokens: z.number(),
});
const completion = z.object({
  choices: z.tuple([z.object({ message: z.object({ content: z.string() }), finish_reason: z.string() })]),
  usage: usage.optional(),
});
const chunk = z.object({
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish() }),
      finish_reason: z.string().nullish(),
    }),
  ),
  usage: usage.nullish(),
});
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

/** An engine that speaks the OpenAI API over HTTP, at `baseUrl` (without `/v1`). */
export function openaiHttpEngine(baseUrl: URL): Engine {
  const url = new URL("v1/chat/completions", baseUrl.href.endsWith("/") ? baseUrl : `${baseUrl.href}/`);
  return {
    async answer(call, signal) {
      try {
        const response = await post(url, call, signal);
        if (!response.ok) throw await failureOf(response);
        const provenance = response.headers.get("x-provenance") ?? undefined;
        return call.onDelta === undefined
          ? await whole(response, provenance)
          : await streamed(response, provenance, call.onDelta, signal);
      } catch (thrown) {
        if (signal.aborted) throw signal.reason;
        if (thrown instanceof EngineFailure || thrown instanceof EngineRefusal) throw thrown;
        throw new EngineFailure(`Cannot get an answer from ${url.href}: ${reasonOf(thrown)}`, {
          cause: thrown,
          retryable: true,
        });
      }
    },
  };
}

function post(
  url: URL,
  { request, tenant, deadline, onDelta }: EngineCall,
  signal: AbortSignal,
): Promise<Response> {
  const streaming = onDelta !== undefined;
  const { stream: _stream, stream_options: _streamOptions, ...rest } = request;
  return fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-tenant": tenant,
      // What is left now, so that the engine stops when nobody waits any more, also where it is not told.
      ...(deadline && { "x-request-deadline-ms": String(Math.max(1, Math.floor(deadline.remainingMs()))) }),
    },
    // Usage is always asked for, so that a stored answer has it for whoever asks next.
    body: JSON.stringify(
      streaming ? { ...rest, stream: true, stream_options: { include_usage: true } } : rest,
    ),
    signal,
    dispatcher,
  });
}

/** What the engine writes of its reasons stays here: it may quote the request, or tell of the engine's insides. */
async function failureOf(response: Response): Promise<EngineFailure | EngineRefusal> {
  const text = await response.text();
  if (!refusals.includes(response.status)) {
    return new EngineFailure(`The engine answered with status ${response.status}`, {
      retryable: passing.includes(response.status),
      overloaded: overloaded.includes(response.status),
      retryAfterMs: retryAfterMs(response.headers.get("retry-after"), Date.now()),
    });
  }
  const { data } = refusal.safeParse(jsonOrUndefined(text));
  return new EngineRefusal(response.status, data?.error.code ?? null, "The model refuses this request");
}

/** A Retry-After in ms: seconds, or a date. */
function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), maxRetryAfterMs);
}

async function whole(response: Response, provenance: string | undefined): Promise<Answer> {
  const { choices, usage: used } = read(completion, await response.text());
  const [{ message, finish_reason }] = choices;
  return { content: message.content, finishReason: finish_reason, usage: used, provenance };
}

async function streamed(
  response: Response,
  provenance: string | undefined,
  onDelta: NonNullable<EngineCall["onDelta"]>,
  signal: AbortSignal,
): Promise<Answer> {
  if (response.body === null) throw new EngineFailure("The engine answered without a body");
  let content = "";
  let finishReason: string | undefined;
  let used: Answer["usage"];
  for await (const data of eventData(response.body)) {
    if (data === "[DONE]") {
      if (finishReason === undefined) break;
      return { content, finishReason, usage: used, provenance };
    }
    const { choices, usage: latest } = read(chunk, data);
    used = latest ?? used;
    const [choice] = choices;
    finishReason = choice?.finish_reason ?? finishReason;
    const text = choice?.delta.content ?? "";
    if (text === "") continue;
    content += text;
    // A timeout may have given this call up already; its pieces must then reach nobody.
    signal.throwIfAborted();
    onDelta({ text, provenance });
  }
  throw new EngineFailure("The engine's stream ended before the answer was complete", { retryable: true });
}

/** Without the parser's own message or cause: it quotes the answer, and the log must not. */
function read<S extends z.ZodType>(schema: S, text: string): z.output<S> {
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
