import type { Response } from "undici";
import { z } from "zod";
import { type Answer, type Engine, type EngineCall, EngineFailure } from "./engine.ts";
import { eventData } from "./event-stream.ts";
import { apiRoute, atMost, bodyText, type EngineApi, openaiCall, readJson } from "./openai-call.ts";

const usage = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  total_tokens: z.number(),
});
/**
 * Without text it is an answer all the same: a refusal, a filtered one, or one whose reasoning reached max_tokens. Taken
 * for the engine's failure, a few of them would open its breaker for everybody.
 */
const completion = z.object({
  choices: z.tuple([
    z.object({
      message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      finish_reason: z.string(),
    }),
  ]),
  usage: usage.nullish(),
});
const chunk = z.object({
  choices: z.array(
    z.object({
      index: z.literal(0).optional(),
      delta: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      finish_reason: z.string().nullish(),
    }),
  ),
  usage: usage.nullish(),
});

/** An engine that speaks the OpenAI API over HTTP. */
export function openaiHttpEngine(api: EngineApi): Engine {
  const route = apiRoute(api, "chat/completions");
  const { maxResponseBytes } = api;
  return {
    answer(call, signal) {
      const { onDelta, request } = call;
      const { stream: _stream, stream_options: _streamOptions, ...rest } = request;
      // Usage is always asked for, so that a stored answer has it for whoever asks next.
      const streaming = { ...rest, stream: true, stream_options: { include_usage: true } };
      return openaiCall(
        route,
        onDelta === undefined ? rest : streaming,
        call,
        (response, provenance) =>
          onDelta === undefined
            ? whole(response, maxResponseBytes, provenance)
            : streamed(response, maxResponseBytes, provenance, onDelta, signal),
        signal,
      );
    },
  };
}

async function whole(response: Response, maxBytes: number, provenance: string | undefined): Promise<Answer> {
  const { choices, usage: used } = readJson(completion, await bodyText(response, maxBytes));
  const [{ message, finish_reason }] = choices;
  return {
    content: message.content ?? "",
    ...(message.refusal ? { refusal: message.refusal } : {}),
    finishReason: finish_reason,
    usage: used ?? undefined,
    provenance,
  };
}

async function streamed(
  response: Response,
  maxBytes: number,
  provenance: string | undefined,
  onDelta: NonNullable<EngineCall["onDelta"]>,
  signal: AbortSignal,
): Promise<Answer> {
  if (response.body === null) throw new EngineFailure("The engine answered without a body");
  let content = "";
  let refusal = "";
  let finishReason: string | undefined;
  let used: Answer["usage"];
  const { body } = response;
  let isDone = false;
  try {
    // Not cancelled where it is left: with the body goes the connection, if its end has not come yet.
    for await (const data of eventData(atMost(maxBytes, body))) {
      if (data === "[DONE]") {
        isDone = true;
        if (finishReason === undefined) break;
        return { content, ...(refusal ? { refusal } : {}), finishReason, usage: used, provenance };
      }
      const { choices, usage: latest } = readJson(chunk, data);
      used = latest ?? used;
      const [choice] = choices;
      finishReason = choice?.finish_reason ?? finishReason;
      refusal += choice?.delta.refusal ?? "";
      const text = choice?.delta.content ?? "";
      if (text === "") continue;
      content += text;
      // A timeout may have given this call up already; its pieces must then reach nobody.
      signal.throwIfAborted();
      onDelta({ text, provenance });
    }
  } finally {
    void (isDone ? readToEnd(body) : body.cancel()).catch(() => undefined);
  }
  throw new EngineFailure("The engine's stream ended before the answer was complete", { retryable: true });
}

/** A body ends a moment after its last event. One that does not is left, and its connection closed. */
const endWithinMs = 1000;

function readToEnd(body: NonNullable<Response["body"]>): Promise<void> {
  return body.pipeTo(new WritableStream(), { signal: AbortSignal.timeout(endWithinMs) });
}
