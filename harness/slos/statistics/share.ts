import type { Judgement } from "../slo.ts";

/** How many requests were good, out of how many. */
export interface Count {
  readonly n: number;
  readonly bad: number;
  /** Requests of which nothing is known; counted once as all good and once as all bad. */
  readonly missing: number;
}

/** What can be said of a share without its words. */
export type ShareOutcome = Pick<Judgement, "outcome" | "code">;

/** The chance that a system which does not meet its limit is taken for one that does, at the least number of samples. */
const error = 0.05;

/** None of so many failed: what stands for a limit of 100%, which no number of samples can show. */
const samplesForAll = 299;

/**
 * Samples needed before a share of `limit` or more can be stated with 95% confidence: ceil(ln 0.05 / ln limit),
 * by the binomial distribution with no bad sample (0.95: 59, 0.99: 299, 0.999: 2995).
 * The same number bounds the quantile of that order.
 */
export function samplesNeeded(limit: number): number {
  if (limit >= 1) return samplesForAll;
  if (limit <= 0) return 1;
  return Math.max(1, Math.ceil(Math.log(error) / Math.log(limit)));
}

/** How many of `n` may be bad while the share of good ones is still at least `limit`. */
export function badAllowed(n: number, limit: number): number {
  return n - Math.ceil(limit * n - 1e-9);
}

/**
 * Whether at least the share `limit` was good.
 *
 * A pass needs `samplesNeeded`. A miss with fewer samples counts only when it is certain: when it would
 * still be one if every sample up to the needed number were good.
 */
export function judgeShare({ n, bad, missing }: Count, limit: number): ShareOutcome {
  if (n === 0) return { outcome: "inconclusive", code: "NO_SAMPLES" };
  const needed = samplesNeeded(limit);
  const total = n + missing;
  if (bad > badAllowed(Math.max(total, needed), limit)) return { outcome: "fail", code: "LIMIT_MISSED" };
  if (total < needed) return { outcome: "inconclusive", code: "TOO_FEW_SAMPLES" };
  if (n < needed || bad + missing > badAllowed(total, limit)) {
    return { outcome: "inconclusive", code: "SAMPLES_MISSING" };
  }
  return { outcome: "pass" };
}

/** Why there is no decision, to end a sentence with; empty where there is one. */
export function doubt({ code }: ShareOutcome, { n, missing }: Count, limit: number): string {
  if (code === "TOO_FEW_SAMPLES") return `; ${n} samples are too few, ${samplesNeeded(limit)} are needed`;
  if (code === "SAMPLES_MISSING") return `; ${missing} more are missing, and they decide`;
  return "";
}
