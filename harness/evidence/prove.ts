import { setTimeout as delay } from "node:timers/promises";
import { abortOf } from "../abort.ts";
import { reasonOf } from "../errors.ts";
import type { Deployment } from "../substrates/substrate.ts";
import type { Check, Observation } from "./evidence.ts";

/** One observation may be luck, two in a row are taken as proof. */
const apartMs = 50;
const timesInARow = 2;

export interface Proven extends Observation {
  /** When the look began that saw it first, by `performance.now()`: from then on it was in force. */
  readonly sinceMs: number;
}

/**
 * Looks until two looks that began shortly after each other have both seen it. A look that throws has seen nothing.
 *
 * @returns what was seen last, whether it held or the time was over
 */
export async function prove(
  check: Check,
  deployment: Deployment,
  withinMs: number,
  signal: AbortSignal,
): Promise<Proven> {
  const aborted = abortOf(signal);
  aborted.catch(() => {});
  const until = performance.now() + withinMs;
  for (;;) {
    const sinceMs = performance.now();
    const [first, second] = await Promise.all([
      look(check, deployment, signal, aborted),
      delay(apartMs, undefined, { signal }).then(() => look(check, deployment, signal, aborted)),
    ]);
    if (first.holds && second.holds) return { ...second, sinceMs };
    if (performance.now() >= until) return { ...(first.holds ? second : first), holds: false, sinceMs };
  }
}

/**
 * Looks every `everyMs` whether it still holds, until the signal is aborted. Resolves with the observation that
 * shows that it does not, seen twice in a row; with undefined when it always held.
 */
export async function watch(
  check: Check,
  deployment: Deployment,
  everyMs: number,
  signal: AbortSignal,
): Promise<Observation | undefined> {
  const aborted = abortOf(signal);
  aborted.catch(() => {});
  let misses = 0;
  while (!signal.aborted) {
    const observation = await look(check, deployment, signal, aborted);
    if (signal.aborted) return undefined;
    misses = observation.holds ? 0 : misses + 1;
    if (misses === timesInARow) return observation;
    await delay(everyMs, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

async function look(
  check: Check,
  deployment: Deployment,
  signal: AbortSignal,
  aborted: Promise<never>,
): Promise<Observation> {
  try {
    return await Promise.race([check(deployment, signal), aborted]);
  } catch (thrown) {
    signal.throwIfAborted();
    return { holds: false, saw: `the look failed: ${reasonOf(thrown)}` };
  }
}
