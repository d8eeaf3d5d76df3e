import type { NamedTier } from "./layered.ts";
import type { Entry } from "./tier.ts";

/** Why a tier never got an entry that was meant for it. */
export type WriteLoss = "queue-full" | "failed" | "shutdown";

export interface WriteBehindSettings {
  /** Of entries that wait, in number and in bytes; more are not taken. */
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Writes under way at once. */
  readonly concurrency: number;
}

export interface WriteBehindDeps<V> extends WriteBehindSettings {
  /** With its key and all that it carries. */
  readonly bytesOf: (key: string, entry: Entry<V>) => number;
  /** Told of each entry once. One in whose place a newer one was written is not lost. */
  readonly onLost: (why: WriteLoss) => void;
}

export interface WriteBehind<V> extends NamedTier<V> {
  waiting(): { readonly entries: number; readonly bytes: number };
  /** Takes no more, and resolves once all is written or `withinMs` have passed; what is left then is lost. */
  stop(withinMs: number): Promise<void>;
}

/** The entry was not written, and will not be. */
export class WriteDropped extends Error {
  override readonly name = "WriteDropped";
}

interface Waiting<V> {
  readonly entry: Entry<V>;
  readonly bytes: number;
  /** Of everybody whose entry for this key this one stands for. */
  readonly over: PromiseWithResolvers<void>;
}

/**
 * A tier that is written to in the order of arrival, a few at a time, by nobody's request.
 *
 * Of entries for one key that wait, the latest that fits wins; two for one key are never under way at once. Reading finds
 * what is not written yet. It bounds what it holds and loses the rest: where the tier is slower than the answers
 * come, waiting longer would only make what is written older.
 */
export function writeBehind<V>(tier: NamedTier<V>, deps: WriteBehindDeps<V>): WriteBehind<V> {
  const { maxEntries, maxBytes, concurrency, bytesOf, onLost } = deps;
  const waiting = new Map<string, Waiting<V>>();
  const underWay = new Map<string, Entry<V>>();
  const patience = new AbortController();
  let waitingBytes = 0;
  let stopped = false;
  let onIdle: (() => void) | undefined;

  function lose(why: WriteLoss, over: Waiting<V>["over"], thrown: unknown): void {
    onLost(why);
    over.reject(thrown);
  }

  function take(key: string): Waiting<V> | undefined {
    const taken = waiting.get(key);
    if (taken === undefined) return undefined;
    waiting.delete(key);
    waitingBytes -= taken.bytes;
    return taken;
  }

  async function carryOut(key: string, { entry, over }: Waiting<V>): Promise<void> {
    underWay.set(key, entry);
    try {
      await tier.write(key, entry, patience.signal);
      over.resolve();
    } catch (thrown) {
      lose(patience.signal.aborted ? "shutdown" : "failed", over, thrown);
    } finally {
      underWay.delete(key);
      begin();
    }
  }

  function begin(): void {
    for (const key of waiting.keys()) {
      if (underWay.size >= concurrency) return;
      if (underWay.has(key)) continue;
      const next = take(key);
      if (next !== undefined) void carryOut(key, next);
    }
    if (underWay.size === 0) onIdle?.();
  }

  return {
    name: tier.name,
    read: async (key, signal) =>
      waiting.get(key)?.entry ?? underWay.get(key) ?? (await tier.read(key, signal)),
    async write(key, entry) {
      const bytes = bytesOf(key, entry);
      const older = waiting.get(key);
      // Before the older one is taken out: what does not fit must not cost what does.
      const fits =
        waiting.size - (older === undefined ? 0 : 1) < maxEntries &&
        waitingBytes - (older?.bytes ?? 0) + bytes <= maxBytes;
      if (stopped || !fits) {
        onLost(stopped ? "shutdown" : "queue-full");
        throw new WriteDropped(
          stopped ? "the service is stopping" : `${waiting.size} entries wait to be written`,
        );
      }
      const over = take(key)?.over ?? Promise.withResolvers<void>();
      waiting.set(key, { entry, bytes, over });
      waitingBytes += bytes;
      begin();
      await over.promise;
    },
    waiting: () => ({ entries: waiting.size, bytes: waitingBytes }),
    async stop(withinMs) {
      stopped = true;
      const { promise: idle, resolve } = Promise.withResolvers<void>();
      onIdle = resolve;
      begin();
      const outOfTime = setTimeout(resolve, withinMs);
      await idle;
      clearTimeout(outOfTime);
      const dropped = new WriteDropped("the service has stopped");
      patience.abort(dropped);
      for (const key of [...waiting.keys()]) {
        const left = take(key);
        if (left !== undefined) lose("shutdown", left.over, dropped);
      }
    },
  };
}
