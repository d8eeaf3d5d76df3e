import type { Policy } from "../resilience/policy.ts";

/** Leases by key, which expire unless they are extended. A store that is ill throws. */
export interface LeaseStore {
  /** @returns whether the lease was free, and is the token's now */
  take(key: string, token: string, ttlMs: number, signal: AbortSignal): Promise<boolean>;
  /** Lets it last `ttlMs` from now, if it is still the token's. */
  extend(key: string, token: string, ttlMs: number, signal: AbortSignal): Promise<void>;
  /** Ends it, if it is still the token's. */
  drop(key: string, token: string, signal: AbortSignal): Promise<void>;
}

/** What is made under a lease. */
export interface Leased<T> {
  readonly value: T;
  /** Resolves when others can find it, or never will. */
  readonly stored: Promise<void>;
}

/**
 * - `won`: made here; nobody else was at it;
 * - `found`: made by another while this one waited;
 * - `taken-over`: made here, after another's lease ended without anything to find;
 * - `skipped`: made here without a lease, because the store could not be asked in time.
 */
export type LeaseResult = "won" | "found" | "taken-over" | "skipped";

export interface LeaseDeps {
  readonly store: LeaseStore;
  /** How long after its holder has died a lease still keeps others waiting. A living holder extends it. */
  readonly ttlMs: number;
  /** Around each attempt to take the lease and to look: what a lease may add where the store is slow. */
  readonly limit: Policy;
  readonly newToken: () => string;
  /** Resolves after `ms`; rejects with the signal's reason. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From [0, 1). */
  readonly random: () => number;
  readonly onResult: (result: LeaseResult) => void;
}

/**
 * Makes a thing once for all processes that share a store: one makes it, the others wait for what it stores.
 *
 * An optimisation, and no lock: where the store fails, is slow, loses the lease in a failover, or its holder stalls
 * for longer than `ttlMs`, the thing is made more than once, which is as right and only costs more. So nothing here
 * waits on a store that is ill.
 *
 * @param look finds what another has stored meanwhile, with the signal of `make`'s caller
 * @param make makes it, and stores it
 */
export type OncePerCluster = <T>(
  key: string,
  look: (signal: AbortSignal) => Promise<T | undefined>,
  make: () => Promise<Leased<T>>,
  signal: AbortSignal,
) => Promise<T>;

export function oncePerCluster({
  store,
  ttlMs,
  limit,
  newToken,
  pause,
  random,
  onResult,
}: LeaseDeps): OncePerCluster {
  const never = new AbortController().signal;
  const lenient = () => undefined;

  return async (key, look, make, signal) => {
    const token = newToken();
    const attempt = limit(async (inner) => {
      const taken = await store.take(key, token, ttlMs, inner);
      // Looked for after taking: whoever had the lease before has stored first, and let go then.
      return { taken, found: await look(inner) };
    });

    async function makeHolding() {
      const extending = setInterval(() => {
        store.extend(key, token, ttlMs, never).catch(lenient);
      }, ttlMs / 3);
      let stored = Promise.resolve();
      try {
        const made = await make();
        stored = made.stored;
        return made.value;
      } finally {
        // No longer extended: where writes wait because the store is slow, all their leases would be more of its load.
        clearInterval(extending);
        // Not before it is stored: the others would find neither, and make it again.
        void stored.then(() => store.drop(key, token, never)).catch(lenient);
      }
    }

    for (let waits = 0; ; waits++) {
      let seen: Awaited<ReturnType<typeof attempt>>;
      try {
        seen = await attempt(signal);
      } catch {
        signal.throwIfAborted();
        // It may have been taken after all; nobody must wait for it.
        store.drop(key, token, never).catch(lenient);
        onResult("skipped");
        return (await make()).value;
      }
      if (seen.found !== undefined) {
        if (seen.taken) store.drop(key, token, never).catch(lenient);
        onResult("found");
        return seen.found;
      }
      if (seen.taken) {
        onResult(waits === 0 ? "won" : "taken-over");
        return makeHolding();
      }
      await pause(pauseMs(waits, random()), signal);
    }
  };
}

const firstPauseMs = 10;
const longestPauseMs = 100;

/** Grows by half each time, and is drawn from the upper half of that, so that those who wait do not look together. */
function pauseMs(waits: number, uniform: number): number {
  const longest = Math.min(longestPauseMs, firstPauseMs * 1.5 ** waits);
  return longest * (1 - uniform / 2);
}
