import { type Policy, untilAborted } from "./policy.ts";

/** Every place is taken, and so is every place in the queue. Says nothing about the dependency's health. */
export class BulkheadFull extends Error {
  override readonly name = "BulkheadFull";
}

/** Read again for each call, so that they may change: see adaptive-limit.ts. */
export interface BulkheadSettings {
  /** Calls at once. */
  readonly limit: number;
  /** Calls that may wait for a place; 0: none. */
  readonly queue: number;
}

export interface Bulkhead {
  readonly policy: Policy;
  readonly inFlight: () => number;
  readonly waiting: () => number;
}

/**
 * At most `limit` calls at once, and at most `queue` that wait for a place, first come, first served; one more is
 * rejected at once.
 *
 * A caller who leaves frees the place at once, queued or running. What was called should stop on its signal then: a
 * call that does not (an ioredis command cannot be taken back) goes on without a place, and bounding those is the
 * breaker's part.
 *
 * Not cockatiel's, whose queue (4.0.0) keeps the place of a caller who left until their turn, and lets a newcomer
 * overtake a queued call, which is then rejected although it was let in. Here a place that becomes free is handed to
 * the first in the queue before anybody else can see it.
 */
export function bulkhead(settings: BulkheadSettings): Bulkhead {
  let running = 0;
  const queue = new Set<() => void>();

  function startQueued(): void {
    for (const start of queue) {
      if (running >= settings.limit) return;
      queue.delete(start);
      running++;
      start();
    }
  }

  /** Resolves with a place taken. Rejects with the signal's reason, and then no place is. */
  function queued(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        queue.delete(start);
        reject(signal.reason);
      };
      queue.add(start);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** @returns undefined where a place was free; else a promise of one */
  function takePlace(signal: AbortSignal): Promise<void> | undefined {
    // The limit may have grown since a place was last freed.
    if (queue.size > 0) startQueued();
    const { limit, queue: queueLimit } = settings;
    if (running < limit) {
      running++;
      return undefined;
    }
    if (queue.size >= queueLimit) {
      throw new BulkheadFull(`${running} calls are under way and ${queue.size} wait, the limit`);
    }
    return queued(signal);
  }

  return {
    policy: (call) => async (signal) => {
      signal.throwIfAborted();
      const wait = takePlace(signal);
      if (wait !== undefined) await wait;
      try {
        return await untilAborted(call, signal);
      } finally {
        running--;
        startQueued();
      }
    },
    inFlight: () => running,
    waiting: () => queue.size,
  };
}
