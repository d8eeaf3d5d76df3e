import { randomUUID } from "node:crypto";
import type { RequestHandler, Response } from "express";
import type { Answering, Trail } from "../answering/answering.ts";
import type { CacheRule } from "../cache/cacheable.ts";
import type { Answer, ChatRequest } from "../inference/engine.ts";
import { clientHash, tenantOf } from "../telemetry/request-record.ts";
import { apiErrorOf } from "./api-error.ts";
import { cacheTags } from "./cache-tags.ts";
import { checkedChatRequest } from "./chat-request.ts";
import { completionBody } from "./completion-format.ts";
import { completionStream } from "./completion-stream.ts";
import { bodyReader } from "./read-body.ts";
import type { RequestGuard } from "./request-guard.ts";

export interface ChatCompletionsDeps {
  readonly answering: Answering;
  /** What the cache may do for a request with this Cache-Control header. */
  readonly cacheRule: (request: ChatRequest, cacheControl: string | undefined) => CacheRule;
  /** For the hashes that name callers' users in the access log; undefined: users are not told. */
  readonly clientSalt: string | undefined;
  readonly model: string;
  readonly guard: RequestGuard;
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
  maxBodyBytes,
  now,
}: ChatCompletionsDeps): RequestHandler {
  const readBody = bodyReader(maxBodyBytes);
  return async (req, res) => {
    const tenant = tenantOf(res);
    const { record } = res.locals;
    const { deadline, policy } = guard(req.headers);
    const signal = callerSignal(res);
    const trail: Trail = { key: undefined, cache: undefined, degraded: new Set() };
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
        stream = completionStream(res, {
          head,
          includeUsage: request.stream_options?.include_usage === true,
          setHeaders: (provenance) => setTrail(res, trail, provenance),
        });
      }
      const rule = cacheRule(request, req.headers["cache-control"]);
      return answering({ request, tenant, rule, tags, deadline, onDelta: stream?.onDelta }, trail, inner);
    }

    try {
      const answered = await policy(answer)(signal);
      record.promptTokens = answered.usage?.prompt_tokens;
      record.outputTokens = answered.usage?.completion_tokens;
      record.answerBytes = Buffer.byteLength(answered.content);
      if (stream !== undefined) {
        stream.end(answered);
        return;
      }
      setTrail(res, trail, answered.provenance);
      res.setHeader("content-type", "application/json; charset=utf-8");
      res.end(JSON.stringify(completionBody(head, answered)));
    } catch (thrown) {
      if (signal.aborted) return;
      if (stream !== undefined && res.headersSent) {
        stream.fail(apiErrorOf(thrown));
        return;
      }
      setTrail(res, trail, undefined);
      throw thrown;
    } finally {
      record.cache = trail.cache;
      record.cacheKey = trail.key;
    }
  };
}

/** The caller closed the connection before its answer was out. */
class CallerLeft extends Error {
  override readonly name = "CallerLeft";
}

/** Aborted when the caller leaves. The request's own "close" would not do: it comes once its body is read. */
function callerSignal(res: Response): AbortSignal {
  const controller = new AbortController();
  res.once("close", () => {
    if (!res.writableEnded) controller.abort(new CallerLeft("the caller left"));
  });
  return controller.signal;
}

function setTrail(res: Response, trail: Trail, provenance: string | undefined): void {
  if (trail.cache !== undefined) res.setHeader("x-cache", trail.cache);
  if (trail.degraded.size > 0) res.setHeader("x-degraded", [...trail.degraded].join(","));
  if (provenance !== undefined) res.setHeader("x-provenance", provenance);
}
