import type { Trail } from "../answering/answering.ts";

/** Of a response. */
interface Headers {
  setHeader(name: string, value: string): unknown;
}

/** Tells how an answer came about; before the first byte of it. */
export function setTrail(res: Headers, trail: Trail, provenance: string | undefined): void {
  if (trail.cache !== undefined) res.setHeader("x-cache", trail.cache);
  if (trail.key !== undefined) res.setHeader("x-cache-key", trail.key);
  if (trail.tier !== undefined) res.setHeader("x-cache-tier", trail.tier);
  if (trail.ageMs !== undefined) res.setHeader("age", String(Math.floor(trail.ageMs / 1000)));
  if (trail.stale !== undefined) res.setHeader("x-stale", trail.stale);
  if (trail.coalesced !== undefined) res.setHeader("x-coalesced", trail.coalesced);
  if (trail.degraded.size > 0) res.setHeader("x-degraded", [...trail.degraded].join(","));
  if (provenance !== undefined) res.setHeader("x-provenance", provenance);
}
