import type { Entry } from "../cache/tier.ts";

/** What an entry is good for, by its age. The times are those after an entry has ceased to be fresh. */
export interface FreshnessSettings {
  /** How long it is then still served at once, while a new one is made behind it; undefined: not at all. */
  readonly revalidateMs: number | undefined;
  /** How long it is then still served when there is nothing better. */
  readonly staleMs: number;
  /** How early a refresh may begin; 1 is the optimum of its authors. undefined: none before its time. */
  readonly earlyBeta: number | undefined;
}

/**
 * - `fresh`: served;
 * - `early`: served, and a new one is made behind it before this one ends;
 * - `revalidate`: no longer fresh; served, and a new one is made behind it;
 * - `last-resort`: served only where no new one is to be had;
 * - `useless`: not served to this request.
 */
export type Standing = "fresh" | "early" | "revalidate" | "last-resort" | "useless";

/**
 * Decides what an entry is good for to one request. Pure.
 *
 * Early refreshes are drawn as in XFetch: when -beta * delta * ln(U) reaches the time that the entry has left, where
 * delta is what making it took. So an entry that is asked for often is made anew once, shortly before its end, by one
 * of many callers who nearly all still get the old one at once. The chance of one request is
 * exp(-left / (beta * delta)).
 *
 * @param maxAgeMs how old an entry the request takes at most; undefined: any that is served
 * @param uniform drawn from [0, 1)
 * @see Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015
 */
export function standingOf(
  entry: Pick<Entry<unknown>, "storedAt" | "freshForMs" | "computeMs">,
  maxAgeMs: number | undefined,
  now: number,
  uniform: number,
  { revalidateMs, staleMs, earlyBeta }: FreshnessSettings,
): Standing {
  const age = ageMs(entry, now);
  if (maxAgeMs !== undefined && age > maxAgeMs) return "useless";
  const left = entry.freshForMs - age;
  if (left > 0) {
    // 1 - uniform lies in (0, 1], where the logarithm is finite.
    const ahead = earlyBeta === undefined ? 0 : -earlyBeta * entry.computeMs * Math.log(1 - uniform);
    return ahead >= left ? "early" : "fresh";
  }
  if (revalidateMs !== undefined && -left < revalidateMs) return "revalidate";
  return -left < staleMs ? "last-resort" : "useless";
}

/** Never below 0: it may have been stored by a host whose clock is ahead. */
export function ageMs(entry: Pick<Entry<unknown>, "storedAt">, now: number): number {
  return Math.max(0, now - entry.storedAt);
}

/**
 * How long an entry will be fresh: up to `jitterShare` less than `freshMs`, drawn anew for each. Entries that were
 * made together (a cold start, a deployment) then do not end together.
 *
 * @param jitterShare undefined: all the same
 * @param uniform drawn from [0, 1)
 */
export function drawFreshForMs(freshMs: number, jitterShare: number | undefined, uniform: number): number {
  return freshMs * (1 - (jitterShare ?? 0) * uniform);
}
