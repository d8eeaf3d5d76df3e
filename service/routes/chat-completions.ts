import { randomUUID } from "node:crypto";
import type { RequestHandler } from "express";
import { type Answering, newTrail } from "../answering/answering.ts";
import type { CacheRule } from "../cache/cacheable.ts";
import type { Answer, ChatRequest } from "../inference/engine.ts";
import { clientHash, tenantOf } from "../telemetry/request-record.ts";
import { apiErrorOf } from "./api-error-of.ts";
import { cacheTags } from "./cache-tags.ts";
import { callerOf } from "./caller.ts";
import { checkedChatRequest } from "./chat-request.ts";
import { completionBody } from "./completion-format.ts";
import { completionStream, ReaderStalled } from "./completion-stream.ts";
import { bodyReader } from "./read-body.ts";
import type { RequestGuard } from "./request-guard.ts";
import { setTrail } from "./trail-headers.ts";

export interface ChatCompletionsDeps {
  readonly answering: Answering;
  /** What the cache may do for a request with this Cache-Control header. */
  readonly cacheRule: (request: ChatRequest, cacheControl: string | undefined) => CacheRule;
  /** For the hashes that name callers' users in the access log; undefined: users are not told. */
  readonly clientSalt: string | undefined;
  readonly model: string;
  readonly guard: RequestGuard;
  /** How long a streamed answer waits for a caller who takes nothing; undefined: for ever. */
  readonly stallMs: number | undefined;
  readonly maxBodyBytes: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** POST /v1/chat/completions, plain and as a stream. */
export function chatCompletions({
  answering,
  cacheRule,
  clientSalt,
  model,
  guard,
  stallMs,
  maxBodyBytes,
  now,
}: ChatCompletionsDeps): RequestHandler {
  const readBody = bodyReader(maxBodyBytes);
  return async (req, res) => {
    const { record } = res.locals;
    const tenant = tenantOf(record);
    const { priority } = record;
    const { deadline, policy } = guard(req.headers, priority);
    const caller = callerOf(res);
    const { signal } = caller;
    const trail = newTrail();
    record.trail = trail;
    const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(now() / 1000), model };
    let stream: ReturnType<typeof completionStream> | undefined;

    async function answer(inner: AbortSignal): Promise<Answer> {
      const request = checkedChatRequest(await readBody(req, res), model);
      const tags = cacheTags(req.headers["x-cache-tags"]);
      // The deadline may have passed meanwhile, and an error been sent.
      inner.throwIfAborted();
      record.model = model;
      if (request.user) record.client = clientHash(clientSalt, tenant, request.user);
      if (request.stream) {
        stream = completionStream(res, inner, {
          head,
          stallMs,
          giveUp: (reason) => caller.abort(reason),
          includeUsage: request.stream_options?.include_usage === true,
          setHeaders: (provenance) => setTrail(res, trail, provenance),
        });
      }
      const rule = cacheRule(request, req.headers["cache-control"]);
      record.rule = rule.reason;
      const onPiece = stream?.piece;
      const answered = await answering(
        { request, tenant, priority, rule, tags, deadline, onPiece },
        trail,
        inner,
      );
      await stream?.end(answered);
      return answered;
    }

    try {
      const answered = await policy(answer)(signal);
      record.promptTokens = answered.usage?.prompt_tokens;
      record.outputTokens = answered.usage?.completion_tokens;
      record.answerBytes = Buffer.byteLength(answered.content);
      if (stream !== undefined) return;
      setTrail(res, trail, answered.provenance);
      res.setHeader("content-type", "application/json; charset=utf-8");
      res.end(JSON.stringify(completionBody(head, answered)));
    } catch (thrown) {
      if (signal.aborted) {
        // It has left, or takes nothing; then this tells it, and the record tells the two apart.
        if (signal.reason instanceof ReaderStalled) {
          record.errorCode = "reader_stalled";
          record.failedStatus = 408;
        }
        res.destroy();
        return;
      }
      if (stream !== undefined && res.headersSent) {
        const error = apiErrorOf(thrown);
        record.errorCode = error.code;
        record.failedStatus = error.status;
        stream.fail(error);
        return;
      }
      setTrail(res, trail, undefined);
      throw thrown;
    }
  };
}
