import type { Batch, Sequence } from "./batching.ts";

/** Where the engine's time comes from. */
export interface Clock {
  /** Monotonic, in ms. */
  readonly now: () => number;
  readonly wakeAfter: (delayMs: number, wake: () => void) => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wakeAfter: (delayMs, wake) => void setTimeout(wake, delayMs),
};

/** The batch, stepped in real time. */
export type Engine = Pick<Batch, "submit" | "cancel" | "queued">;

/**
 * A step is late because a timer is (1 ms grain, a busy machine): the steps behind it catch up, so lateness does
 * not add up. More than this is not caught up: the process was stopped (SIGSTOP), and a stopped engine does no work.
 */
const maxCatchUpMs = 250;

/**
 * Runs the batch's steps one after another. A step is due when the one before it was due plus the time that it
 * takes, whenever the timer fired; an idle engine has no timer.
 */
export function createEngine(batch: Batch, clock: Clock): Engine {
  let dueAt: number | undefined;
  let wakePending = false;

  function begin(atMs: number): void {
    const tookMs = batch.beginStep();
    dueAt = tookMs === undefined ? undefined : atMs + tookMs;
  }

  function endDueSteps(): void {
    const now = clock.now();
    while (dueAt !== undefined && dueAt <= now) {
      const endedAt = Math.max(dueAt, now - maxCatchUpMs);
      batch.endStep();
      begin(endedAt);
    }
  }

  function scheduleWake(): void {
    if (dueAt === undefined || wakePending) return;
    wakePending = true;
    clock.wakeAfter(Math.max(1, Math.ceil(dueAt - clock.now())), () => {
      wakePending = false;
      endDueSteps();
      scheduleWake();
    });
  }

  return {
    submit: (sequence: Sequence) => {
      // Steps that were due before this arrival must not take it in.
      endDueSteps();
      batch.submit(sequence);
      if (dueAt === undefined) begin(clock.now());
      scheduleWake();
    },
    cancel: batch.cancel,
    queued: batch.queued,
  };
}
