import { type Policy, untilAborted } from "./policy.ts";
import { lowShare, type Priority } from "./priority.ts";

/** The service has as much to do as it can, and this request was not begun. */
export class Shed extends Error {
  override readonly name = "Shed";
  readonly priority: Priority;

  constructor(priority: Priority, inFlight: number) {
    super(`${inFlight} requests are under way: no more of priority "${priority}" are taken`);
    this.priority = priority;
  }
}

/** The share of the limit that each priority may fill, together with the others: the lowest feels it first. */
const shares = { low: lowShare, normal: 0.9, high: 1 } as const satisfies Record<Priority, number>;

/** A limit that changes; see adaptive-limit.ts. Times are monotonic, in ms. */
export interface SheddingLimit {
  readonly current: () => number;
  readonly observe: (sample: {
    readonly beganAt: number;
    readonly endedAt: number;
    readonly delayMs: number;
    readonly inFlight: number;
  }) => void;
}

export interface SheddingDeps {
  readonly limit: SheddingLimit;
  /**
   * What a request teaches the limit, in ms, given what it took. For a whole service that is not its own time: this
   * holds waiting for dependencies, which have limits of their own, and answers from a cache, which are quick however
   * ill those are. What the service itself can run out of is its event loop.
   */
  readonly delayMs: (tookMs: number) => number;
  readonly onShed: (priority: Priority) => void;
  readonly now: () => number;
}

export interface Shedding {
  readonly policy: (priority: Priority) => Policy;
  readonly inFlight: () => number;
}

/**
 * Rejects at once what a limit does not let in, low priority first. Nothing waits here: a queue in front of an
 * overloaded service only makes answers late. A caller who leaves frees the place at once.
 */
export function shedding({ limit, delayMs, onShed, now }: SheddingDeps): Shedding {
  let running = 0;
  return {
    policy: (priority) => (call) => async (signal) => {
      signal.throwIfAborted();
      // At least one of each: or a limit that has fallen to 1 would be for "high" alone.
      if (running >= Math.max(1, Math.floor(limit.current() * shares[priority]))) {
        onShed(priority);
        throw new Shed(priority, running);
      }
      const beganAt = now();
      const inFlight = ++running;
      try {
        return await untilAborted(call, signal);
      } finally {
        running--;
        // A caller who left says nothing.
        if (!signal.aborted) {
          const endedAt = now();
          limit.observe({ beganAt, endedAt, delayMs: delayMs(endedAt - beganAt), inFlight });
        }
      }
    },
    inFlight: () => running,
  };
}
