import type { RequestHandler } from "express";
import { z } from "zod";
import { cacheKey, embeddingKey, isAnswerKey, keyPattern } from "../cache/keys.ts";
import type { Invalidations } from "../invalidation/invalidations.ts";
import { keyScope, modelScope, tagScope, tenantScope } from "../invalidation/scopes.ts";
import { type Invalidated, tenantOf } from "../telemetry/request-record.ts";
import { ApiError } from "./api-error.ts";
import { tagPattern } from "./cache-tags.ts";
import { checkedChatRequest } from "./chat-request.ts";
import { parsedBody } from "./checked-body.ts";
import { checkedEmbeddingsRequest, type InputLimits } from "./embeddings-request.ts";
import { bodyReader } from "./read-body.ts";
import type { RequestGuard } from "./request-guard.ts";

export interface InvalidateDeps {
  readonly invalidations: Invalidations;
  readonly model: string;
  readonly embeddingsModel: string;
  readonly inputLimits: InputLimits;
  readonly modelEpoch: string;
  readonly guard: RequestGuard;
  readonly maxBodyBytes: number;
  readonly onProblem: (code: string, thrown: unknown) => void;
}

const target = z.strictObject({
  key: z.string().regex(keyPattern, "not a key: x-cache-key tells an answer's").optional(),
  request: z.record(z.string(), z.unknown()).optional(),
  tag: z.string().regex(tagPattern, "not a tag").optional(),
  model: z.string().min(1).max(200).optional(),
  tenant: z.literal(true).optional(),
});
type Target = z.output<typeof target>;

/** How soon to try again: within it, a replica has most often been promoted. */
const retryAfterMs = 1000;

/**
 * POST /v1/cache/invalidate: what a key, a request, a tag, a model or the whole tenant stands for is not served
 * any more, in the caller's own tenant. A request for embeddings stands for each of its inputs. An admin's key
 * invalidates a model for all tenants.
 *
 * 200 means that this replica serves none of it from now on, and that the others were told. Else nothing is known
 * to be in force, and 503 says so: to send it again does no harm.
 */
export function invalidate(deps: InvalidateDeps): RequestHandler {
  const { invalidations, guard, onProblem } = deps;
  const readBody = bodyReader(deps.maxBodyBytes);
  return async (req, res) => {
    // Its deadline alone: an overloaded service, too, must stop serving what is wrong.
    const { deadline } = guard(req.headers, res.locals.record.priority);
    const tenant = res.locals.record.isAdmin ? undefined : tenantOf(res.locals.record);

    async function invalidated() {
      const { scopes, invalidated } = meantBy(checkedTarget(await readBody(req, res)), tenant, deps);
      res.locals.record.invalidated = invalidated;
      try {
        return await invalidations.invalidate(scopes);
      } catch (thrown) {
        onProblem("invalidate", thrown);
        throw new ApiError(
          503,
          "invalidation_unavailable",
          "The invalidation may not be in force: the place where it is kept cannot be reached. Send it again",
          { retryAfterMs },
        );
      }
    }

    const { sequence, scopes } = await (deadline === undefined
      ? invalidated()
      : deadline.policy(invalidated)(never));
    res.json({ object: "cache.invalidation", sequence, scopes });
  };
}

/** An invalidation goes on when its caller leaves. */
const never = new AbortController().signal;

/** @throws ApiError 400 */
function checkedTarget(body: unknown): Target {
  const asked = parsedBody(target, body);
  if (Object.values(asked).filter((value) => value !== undefined).length !== 1) {
    throw new ApiError(400, "invalid_request", 'Give one of "key", "request", "tag", "model" and "tenant"');
  }
  return asked;
}

/** What is invalidated, and what is told of it: no word that the caller chose. */
interface Meant {
  readonly scopes: string[];
  readonly invalidated: Invalidated;
}

/** @param tenant undefined: an admin asks */
function meantBy(asked: Target, tenant: string | undefined, deps: InvalidateDeps): Meant {
  // Any name, also of one that is no longer served: its answers are still there.
  if (asked.model !== undefined) {
    return { scopes: [modelScope(tenant, asked.model)], invalidated: { by: "model" } };
  }
  if (tenant === undefined) {
    throw new ApiError(
      403,
      "not_a_tenant",
      'An admin\'s key invalidates a "model" only; use a key of the tenant',
      {
        type: "permission_error",
      },
    );
  }
  if (asked.tag !== undefined) return { scopes: [tagScope(tenant, asked.tag)], invalidated: { by: "tag" } };
  if (asked.key !== undefined) return keysMeant([asked.key], tenant);
  if (asked.request === undefined) return { scopes: [tenantScope(tenant)], invalidated: { by: "tenant" } };
  return keysMeant(keysOf(asked.request, tenant, deps), tenant);
}

function keysMeant(keys: readonly string[], tenant: string): Meant {
  const [first = ""] = keys;
  return {
    scopes: keys.map((key) => keyScope(tenant, key)),
    invalidated: isAnswerKey(first) ? { by: "answer", key: first } : { by: "embeddings" },
  };
}

/** Under which what answers a request is stored. A body with `input` and no `messages` is one for embeddings. */
function keysOf(
  body: Record<string, unknown>,
  tenant: string,
  { model, embeddingsModel, inputLimits, modelEpoch }: InvalidateDeps,
): string[] {
  if (body["input"] === undefined || body["messages"] !== undefined) {
    return [cacheKey(tenant, checkedChatRequest(body, model), modelEpoch)];
  }
  const { request, inputs } = checkedEmbeddingsRequest(body, embeddingsModel, inputLimits);
  return [...new Set(inputs)].map((input) => embeddingKey(tenant, request, input, modelEpoch));
}
