import type { ChatRequest } from "../inference/engine.ts";

/** What the cache may do for one request. */
export interface CacheRule {
  /** Whether a stored answer may be served. */
  readonly read: boolean;
  /** Whether the answer may be stored. */
  readonly store: boolean;
  /** How old a stored answer may be, in ms; undefined: as old as its own time allows. */
  readonly maxAgeMs: number | undefined;
}

/** @param _cacheControl the request's header of that name */
export function cacheRule(_request: ChatRequest, _cacheControl: string | undefined): CacheRule {
  return { read: true, store: true, maxAgeMs: undefined };
}
