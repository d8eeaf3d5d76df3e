import { type Policy, untilAborted } from "./policy.ts";
import { type Priority, placesFor } from "./priority.ts";

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

interface Waiter {
  readonly priority: Priority;
  readonly start: () => void;
  /** To another party's call, which has more of a right to be in the queue. */
  readonly giveWay: () => void;
}

export interface Bulkhead {
  /** For calls that are nobody's in particular. */
  readonly policy: Policy;
  /** For one party's calls, whoever it is among those that share the places. */
  readonly policyOf: (party: string, priority?: Priority) => Policy;
  readonly inFlight: () => number;
  readonly waiting: () => number;
}

/**
 * At most `limit` calls at once, and at most `queue` that wait for a place, first come, first served; one more is
 * rejected at once.
 *
 * Where several parties share the places, they take turns in the queue, and in one that is full a party with a smaller
 * part takes a place from the one with the largest, whose latest call is rejected in its stead, of low
 * priority if there is one (longest queue drop: McKenney, Stochastic Fairness Queueing, 1990). So a party's flood costs the others one turn, and a party that is
 * alone has all places.
 *
 * Calls of low priority never fill the queue: they are rejected sooner, so that others find a place and do not wait
 * behind many of them. Without a queue they leave places free.
 *
 * A caller who leaves frees the place at once, queued or running. What was called should stop on its signal then: a
 * call that does not (an ioredis command cannot be taken back) goes on without a place, and bounding those is the
 * breaker's part.
 *
 * Not cockatiel's, whose queue (4.0.0) keeps the place of a caller who left until their turn, and lets a newcomer
 * overtake a queued call, which is then rejected although it was let in. Here a place that becomes free is handed to
 * whose turn it is before anybody else can see it.
 */
export function bulkhead(settings: BulkheadSettings): Bulkhead {
  let running = 0;
  let waiting = 0;
  /** Who waits, in order, by party; never empty. The party whose turn it is comes first. */
  const queues = new Map<string, Set<Waiter>>();

  function unqueue(party: string, queue: Set<Waiter>, waiter: Waiter): void {
    queue.delete(waiter);
    waiting--;
    if (queue.size === 0) queues.delete(party);
  }

  function startQueued(): void {
    for (const [party, queue] of queues) {
      const [first] = queue;
      if (running >= settings.limit || first === undefined) return;
      unqueue(party, queue, first);
      // Its next turn is after all others'.
      if (queues.delete(party)) queues.set(party, queue);
      running++;
      first.start();
    }
  }

  /** Resolves with a place taken. Rejects with the signal's reason or BulkheadFull, and then no place is. */
  function queued(party: string, priority: Priority, signal: AbortSignal): Promise<void> {
    const queue = queues.get(party) ?? new Set();
    queues.set(party, queue);
    return new Promise((resolve, reject) => {
      const leave = () => {
        unqueue(party, queue, waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        priority,
        start() {
          signal.removeEventListener("abort", leave);
          resolve();
        },
        giveWay() {
          signal.removeEventListener("abort", leave);
          unqueue(party, queue, waiter);
          reject(full());
        },
      };
      queue.add(waiter);
      waiting++;
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** Makes room in a full queue for a party that has less than its share. @returns whether there is any */
  function madeRoom(party: string): boolean {
    const own = queues.get(party)?.size ?? 0;
    const [longest] = [...queues.values()].sort((a, b) => b.size - a.size);
    if (longest === undefined || longest.size <= own + 1) return false;
    const calls = [...longest];
    (calls.findLast(({ priority }) => priority === "low") ?? calls.at(-1))?.giveWay();
    return true;
  }

  function full(): BulkheadFull {
    return new BulkheadFull(`${running} calls are under way and ${waiting} wait, the limit`);
  }

  /** @returns undefined where a place was free; else a promise of one */
  function takePlace(party: string, priority: Priority, signal: AbortSignal): Promise<void> | undefined {
    // The limit may have grown since a place was last freed.
    if (waiting > 0) startQueued();
    const { limit, queue } = settings;
    if (priority === "low" && running + waiting >= placesFor(priority, limit + queue)) throw full();
    if (running < limit) {
      running++;
      return undefined;
    }
    if (waiting >= queue && !madeRoom(party)) throw full();
    return queued(party, priority, signal);
  }

  const policyOf =
    (party: string, priority: Priority = "normal"): Policy =>
    (call) =>
    async (signal) => {
      signal.throwIfAborted();
      const wait = takePlace(party, priority, signal);
      if (wait !== undefined) await wait;
      try {
        return await untilAborted(call, signal);
      } finally {
        running--;
        startQueued();
      }
    };
  return { policy: policyOf(""), policyOf, inFlight: () => running, waiting: () => waiting };
}
