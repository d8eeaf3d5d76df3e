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
const refusal = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) });

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
        });
      }
    },
  };
}

function post(url: URL, { request, tenant, onDelta }: EngineCall, signal: AbortSignal): Promise<Response> {
  const streaming = onDelta !== undefined;
  const { stream: _stream, stream_options: _streamOptions, ...rest } = request;
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tenant": tenant },
    // Usage is always asked for, so that a stored answer has it for whoever asks next.
    body: JSON.stringify(
      streaming ? { ...rest, stream: true, stream_options: { include_usage: true } } : rest,
    ),
    signal,
  });
}

/** A status that says something about this request alone is a refusal; 429 and 5xx are about the engine. */
async function failureOf(response: Response): Promise<EngineFailure | EngineRefusal> {
  const text = await response.text();
  if (response.status === 429 || response.status >= 500) {
    return new EngineFailure(`The engine answered with status ${response.status}`);
  }
  const parsed = refusal.safeParse(jsonOrUndefined(text));
  return parsed.success
    ? new EngineRefusal(response.status, parsed.data.error.code ?? null, parsed.data.error.message)
    : new EngineFailure(`The engine answered with status ${response.status} and no readable error`);
}

async function whole(response: Response, provenance: string | undefined): Promise<Answer> {
  const { choices, usage: used } = completion.parse(await response.json());
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
    const { choices, usage: latest } = chunk.parse(JSON.parse(data));
    used = latest ?? used;
    const [choice] = choices;
    finishReason = choice?.finish_reason ?? finishReason;
    const text = choice?.delta.content ?? "";
    if (text === "") continue;
    content += text;
    // A timeout may have given this call up already; its pieces must then reach nobody.
    signal.throwIfAborted();
    await onDelta({ text, provenance });
  }
  throw new EngineFailure("The engine's stream ended before the answer was complete");
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
