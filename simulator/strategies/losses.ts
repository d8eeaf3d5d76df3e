import type { Loss } from "./spec.ts";

/** Calls `lose` for each loss when its time has come. */
export function createLossSchedule(losses: readonly Loss[], lose: (loss: Loss) => void) {
  const ordered = [...losses].sort((a, b) => a.atMs - b.atMs);
  let next = 0;
  return {
    advance(nowMs: number): void {
      for (let loss = ordered[next]; loss !== undefined && loss.atMs <= nowMs; loss = ordered[next]) {
        lose(loss);
        next += 1;
      }
    },
  };
}

/** Whether a loss keeps its node away at this time. */
export function isAway({ atMs, downMs }: Loss, nowMs: number): boolean {
  return nowMs >= atMs && nowMs < atMs + downMs;
}
