import { setTimeout as delay } from "node:timers/promises";
import { abortOf } from "../abort.ts";
import { reasonOf } from "../errors.ts";
import type { Deployment } from "../substrates/substrate.ts";
import type { Check, Observation } from "./evidence.ts";

/** One observation may be luck; so many in a row are taken as proof. */
const timesInARow = 2;

/**
 * Looks until the check has held twice in a row. A look that throws is a look that saw nothing.
 *
 * @returns the observation that decided: the last one, whether it held or the time was over
 */
export async function prove(
  check: Check,
  deployment: Deployment,
  withinMs: number,
  signal: AbortSignal,
): Promise<Observation> {
  const until = performance.now() + withinMs;
  const aborted = abortOf(signal);
  aborted.catch(() => {});
  let inARow = 0;
  for (;;) {
    const observation = await look(check, deployment, signal, aborted);
    inARow = observation.holds ? inARow + 1 : 0;
    if (inARow === timesInARow) return observation;
    if (performance.now() >= until) return { ...observation, holds: false };
    await delay(20, undefined, { signal });
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
