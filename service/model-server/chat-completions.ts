import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./api-error.ts";
import { type ChatRequest, parseChatRequest } from "./chat-request.ts";
import {
  type CompletionHead,
  chunk,
  completion,
  type FinishReason,
  streamEnd,
  usage,
  usageChunk,
} from "./completion.ts";
import { answerTokens, promptTokens } from "./content.ts";
import type { Engine } from "./engine.ts";

/** What answers are made with. */
export interface ChatServing {
  readonly engine: Engine;
  readonly model: string;
  readonly version: string;
  /** Prompt and answer together, in tokens. */
  readonly contextTokens: number;
  readonly maxQueue: number;
  /** The provenance of an answer that is made now for this tenant; each call counts one answer. */
  readonly provenance: (tenant: string) => string;
}

interface Answer {
  readonly promptTokens: number;
  readonly tokens: readonly string[];
  readonly finish: FinishReason;
  readonly provenance: () => string;
}

/**
 * Answers one chat completion request when the engine has made its tokens. Throws an ApiError where it cannot be
 * taken in. A client that leaves frees its place in the batch.
 */
export function answerChat(
  serving: ChatServing,
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): void {
  const chat = parseChatRequest(body);
  const answer = planAnswer(serving, chat, readTenant(request));
  const deadlineMs = readDeadline(request);
  if (serving.engine.queued() >= serving.maxQueue) {
    throw new ApiError(503, "queue_full", `Cannot take the request: ${serving.maxQueue} others wait already`);
  }
  const sequence = {
    promptTokens: answer.promptTokens,
    outputTokens: answer.tokens.length,
    onToken: chat.stream
      ? streamTokens(response, serving.model, answer, chat.includeUsage)
      : sendWhenComplete(response, serving.model, answer),
  };
  response.once("close", () => serving.engine.cancel(sequence));
  if (deadlineMs !== undefined) endAfter(deadlineMs, response);
  serving.engine.submit(sequence);
}

/**
 * Ends the response, and with it the work: what nobody waits for any more would take its place from those who still
 * do.
 */
export function endAfter(deadlineMs: number, response: ServerResponse): void {
  const timer = setTimeout(() => {
    if (response.headersSent) return void response.destroy();
    const error = new ApiError(504, "deadline_exceeded", `There is no answer within ${deadlineMs} ms`);
    response.writeHead(error.status, { "content-type": "application/json" });
    response.end(error.body());
  }, deadlineMs);
  response.once("close", () => clearTimeout(timer));
}

function planAnswer(serving: ChatServing, chat: ChatRequest, tenant: string): Answer {
  if (chat.model !== serving.model) {
    throw new ApiError(404, "model_not_found", `The model "${chat.model}" does not exist`, "model");
  }
  const whole = answerTokens(serving.model, serving.version, chat.messages);
  const tokens = whole.slice(0, chat.maxTokens);
  const prompt = promptTokens(chat.messages);
  if (prompt + tokens.length > serving.contextTokens) {
    throw new ApiError(
      400,
      "context_length_exceeded",
      `Cannot take a prompt of ${prompt} tokens: with its answer it is over ${serving.contextTokens}`,
      "messages",
    );
  }
  return {
    promptTokens: prompt,
    tokens,
    finish: tokens.length < whole.length ? "length" : "stop",
    provenance: () => serving.provenance(tenant),
  };
}

/** Whom the answer is for, as the calling service says. */
export function readTenant(request: IncomingMessage): string {
  const tenant = request.headers["x-tenant"] ?? "public";
  if (typeof tenant === "string" && /^[\w.-]{1,64}$/.test(tenant)) return tenant;
  throw new ApiError(
    400,
    "invalid_tenant",
    `Cannot take the tenant "${tenant}": use letters, digits and . _ -`,
  );
}

/** The longest that a timer can be set for: it is 24 days. */
const maxTimerMs = 2 ** 31 - 1;

/** What the caller has left, in ms from now; undefined: as long as it takes. */
export function readDeadline(request: IncomingMessage): number | undefined {
  const header = request.headers["x-request-deadline-ms"];
  if (header === undefined) return undefined;
  if (typeof header === "string" && /^0*[1-9]\d*$/.test(header)) return Math.min(Number(header), maxTimerMs);
  throw new ApiError(
    400,
    "invalid_deadline",
    `Cannot take the deadline "${header}": it must be a whole number of ms, above 0`,
  );
}

function newHead(model: string): CompletionHead {
  return { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model };
}

function sendWhenComplete(
  response: ServerResponse,
  model: string,
  answer: Answer,
): (produced: number) => void {
  return (produced) => {
    if (produced < answer.tokens.length) return;
    const used = usage(answer.promptTokens, produced);
    const body = completion(newHead(model), answer.tokens.join(""), answer.finish, used);
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "x-provenance": answer.provenance(),
    });
    response.end(body);
  };
}

/** The headers leave with the first token, so a client's time to the first byte is the time to that token. */
function streamTokens(
  response: ServerResponse,
  model: string,
  answer: Answer,
  includeUsage: boolean,
): (produced: number) => void {
  const head = newHead(model);
  return (produced) => {
    let events = "";
    if (produced === 1) {
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-provenance": answer.provenance(),
      });
      events += chunk(head, { role: "assistant", content: "" });
    }
    events += chunk(head, { content: answer.tokens[produced - 1] ?? "" });
    if (produced < answer.tokens.length) return void response.write(events);
    events += chunk(head, {}, answer.finish);
    if (includeUsage) events += usageChunk(head, usage(answer.promptTokens, produced));
    response.end(events + streamEnd);
  };
}
