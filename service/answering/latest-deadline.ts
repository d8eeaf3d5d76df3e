import type { Deadline } from "../resilience/deadline.ts";

type TimeLeft = Pick<Deadline, "remainingMs">;

/**
 * Until when somebody may wait for a call that many share: the latest deadline of them all.
 *
 * It begins with that of a caller who might still come. Told only of the first caller's, an engine would stop for a
 * hurried one what others wait for; that nobody waits any more it learns by the call being cancelled.
 */
export interface LatestDeadline extends TimeLeft {
  include(deadline: TimeLeft): void;
}

export function latestDeadline(first: TimeLeft): LatestDeadline {
  let latest = first;
  return {
    remainingMs: () => latest.remainingMs(),
    include(deadline) {
      if (deadline.remainingMs() > latest.remainingMs()) latest = deadline;
    },
  };
}
