/** Time that passes only when a test says so. All in ms. */
export interface VirtualClock {
  readonly now: () => number;
  /** Calls back once the time has come. */
  readonly at: (ms: number, wake: () => void) => void;
  /** Goes on to a time, and lets everything that is due on the way happen, each with its consequences. */
  readonly runUntil: (ms: number) => Promise<void>;
}

export function virtualClock(): VirtualClock {
  let nowMs = 0;
  let order = 0;
  const due: { ms: number; order: number; wake: () => void }[] = [];
  return {
    now: () => nowMs,
    at: (ms, wake) => {
      const entry = { ms: Math.max(ms, nowMs), order: order++, wake };
      const behind = due.findIndex((other) => other.ms > entry.ms);
      due.splice(behind === -1 ? due.length : behind, 0, entry);
    },
    async runUntil(ms) {
      for (let next = due[0]; next !== undefined && next.ms <= ms; next = due[0]) {
        due.shift();
        nowMs = next.ms;
        next.wake();
        // Promises that were settled by it, and those that these settle.
        await new Promise((resolve) => setImmediate(resolve));
      }
      nowMs = ms;
    },
  };
}

/** A server that works on so many requests at once, each for the same time; others wait, first come, first served. */
export interface VirtualServer {
  /** May change at any time. */
  workers: number;
  /** Resolves when the work is done. A caller who leaves while waiting is not worked for. */
  readonly call: (signal: AbortSignal) => Promise<void>;
}

export function virtualServer(clock: VirtualClock, workers: number, workMs: number): VirtualServer {
  let working = 0;
  const waiting = new Set<() => void>();
  const server: VirtualServer = {
    workers,
    call: (signal) =>
      new Promise((resolve, reject) => {
        const begin = () => {
          working++;
          clock.at(clock.now() + workMs, () => {
            working--;
            resolve();
            beginWaiting();
          });
        };
        waiting.add(begin);
        signal.addEventListener("abort", () => {
          waiting.delete(begin);
          reject(signal.reason);
        });
        beginWaiting();
      }),
  };
  function beginWaiting(): void {
    for (const begin of waiting) {
      if (working >= server.workers) return;
      waiting.delete(begin);
      begin();
    }
  }
  return server;
}
