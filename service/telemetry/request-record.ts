import { createHmac } from "node:crypto";
import type { Response } from "express";
import type { Trail } from "../answering/answering.ts";
import type { CacheReason } from "../cache/cacheable.ts";
import type { Priority } from "../resilience/priority.ts";

/** What is known of one request, filled in on its way. Metrics, access log and traces tell of it when it ends. */
export interface RequestRecord {
  readonly id: string;
  /** The name of one of the service's routes. */
  route: string;
  /** Whether its path is under /v1. Of others there are no lines, traces or tenants' metrics. */
  isApi: boolean;
  /** Whose request it is; undefined as long as nobody has shown a tenant's key. */
  tenant: string | undefined;
  /** As the caller says; of a route that does not ask, and without shedding, all are normal. */
  priority: Priority;
  /** Whether an admin's key was shown, where one is taken. */
  isAdmin: boolean;
  model: string | undefined;
  /** The caller's own user, hashed; undefined where none was named, or no salt is configured. */
  client: string | undefined;
  /** How its answer came about; undefined: the route has no cache, or it was refused before. */
  trail: Trail | undefined;
  /** Why its answer may or may not be cached; undefined: the route has no cache, or it was refused before. */
  rule: CacheReason | undefined;
  /** Of an invalidation: what it is about; undefined for all else. */
  invalidated: Invalidated | undefined;
  /** Of what ended a stream whose head had said 200; undefined: what the head says holds. */
  failedStatus: number | undefined;
  /** Of the error that it was answered with. */
  errorCode: string | undefined;
  promptTokens: number | undefined;
  outputTokens: number | undefined;
  /** The size of the answer itself, in bytes, whatever it was wrapped in for delivery. */
  answerBytes: number | undefined;
}

/** What an invalidation is about. */
export type Invalidated =
  /** One answer, by its key in the cache. */
  | { readonly by: "answer"; readonly key: string }
  | { readonly by: "embeddings" | "tag" | "model" | "tenant" };

declare global {
  namespace Express {
    interface Locals {
      record: RequestRecord;
    }
  }
}

export function newRecord(id: string): RequestRecord {
  return {
    id,
    route: "unknown",
    isApi: false,
    tenant: undefined,
    priority: "normal",
    isAdmin: false,
    model: undefined,
    client: undefined,
    trail: undefined,
    rule: undefined,
    invalidated: undefined,
    failedStatus: undefined,
    errorCode: undefined,
    promptTokens: undefined,
    outputTokens: undefined,
    answerBytes: undefined,
  };
}

/** What is written down where nobody was there any more to be sent a status. */
const callerLeft = 499;

/** How a request ended, once it has: the one status that metrics, access log and traces tell. */
export function statusOf({ failedStatus }: RequestRecord, res: Response): number {
  return failedStatus ?? (res.writableEnded ? res.statusCode : callerLeft);
}

/** Whose request it is. Throws where the route does not ask for a key: then nobody's data may be touched. */
export function tenantOf({ tenant, route }: Pick<RequestRecord, "tenant" | "route">): string {
  if (tenant === undefined) throw new Error(`the route ${route} does not ask for a key`);
  return tenant;
}

/**
 * Names a caller's user without telling who it is.
 *
 * @param salt a secret: names and addresses are few enough to be tried, so without one nothing is told
 */
export function clientHash(salt: string | undefined, tenant: string, user: string): string | undefined {
  if (salt === undefined) return undefined;
  return createHmac("sha256", salt)
    .update(JSON.stringify([tenant, user]))
    .digest("hex")
    .slice(0, 16);
}
