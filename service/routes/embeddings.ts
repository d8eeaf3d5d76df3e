import type { RequestHandler } from "express";
import { newTrail } from "../answering/answering.ts";
import type { CacheRule } from "../cache/cacheable.ts";
import type { Embed, Embedded } from "../embedding/embedding.ts";
import { clientHash, tenantOf } from "../telemetry/request-record.ts";
import { cacheTags } from "./cache-tags.ts";
import { callerOf } from "./caller.ts";
import { embeddingsData } from "./embeddings-format.ts";
import { checkedEmbeddingsRequest, type InputLimits } from "./embeddings-request.ts";
import { bodyReader } from "./read-body.ts";
import type { RequestGuard } from "./request-guard.ts";
import { setTrail } from "./trail-headers.ts";

export interface EmbeddingsDeps {
  readonly embed: Embed;
  /** What the cache may do for a request with this Cache-Control header. */
  readonly embeddingsRule: (cacheControl: string | undefined) => CacheRule;
  readonly embeddingsModel: string;
  readonly inputLimits: InputLimits;
  /** For the hashes that name callers' users in the access log; undefined: users are not told. */
  readonly clientSalt: string | undefined;
  readonly guard: RequestGuard;
  readonly maxBodyBytes: number;
}

/** POST /v1/embeddings. */
export function embeddings(deps: EmbeddingsDeps): RequestHandler {
  const { embed, embeddingsModel, clientSalt } = deps;
  const readBody = bodyReader(deps.maxBodyBytes);
  return async (req, res) => {
    const { record } = res.locals;
    const tenant = tenantOf(record);
    const { priority } = record;
    const { deadline, policy } = deps.guard(req.headers, priority);
    const { signal } = callerOf(res);
    const trail = newTrail();
    record.trail = trail;
    let base64 = false;

    async function answer(inner: AbortSignal): Promise<Embedded> {
      const checked = checkedEmbeddingsRequest(await readBody(req, res), embeddingsModel, deps.inputLimits);
      const tags = cacheTags(req.headers["x-cache-tags"]);
      // The deadline may have passed meanwhile, and an error been sent.
      inner.throwIfAborted();
      const { request, inputs, user } = checked;
      base64 = checked.base64;
      record.model = embeddingsModel;
      if (user) record.client = clientHash(clientSalt, tenant, user);
      const rule = deps.embeddingsRule(req.headers["cache-control"]);
      record.rule = rule.reason;
      return embed({ request, inputs, tenant, priority, rule, tags, deadline }, trail, inner);
    }

    try {
      const { vectors, promptTokens, provenance } = await policy(answer)(signal);
      record.promptTokens = promptTokens;
      record.answerBytes = vectors.reduce((sum, { byteLength }) => sum + byteLength, 0);
      setTrail(res, trail, provenance);
      const data = await embeddingsData(vectors, base64);
      // The caller may have left meanwhile, or its deadline passed.
      if (signal.aborted || res.headersSent) return;
      const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
      const rest = JSON.stringify({ model: embeddingsModel, usage }).slice(1);
      res.setHeader("content-type", "application/json; charset=utf-8");
      res.end(`{"object":"list","data":[${data}],${rest}`);
    } catch (thrown) {
      if (signal.aborted) return;
      setTrail(res, trail, undefined);
      throw thrown;
    }
  };
}
