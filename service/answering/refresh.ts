/** Why an answer is made anew although one was served. */
export type RefreshReason = "early" | "revalidate";

/** `limit`: it was not begun, since as many as may be are under way. */
export type RefreshResult = "ok" | "failed" | "limit";

export interface RefreshDeps {
  /** How many may be under way at once: they share the model with callers who wait. */
  readonly limit: number;
  /** Aborted when the service stops. */
  readonly stopping: AbortSignal;
  readonly onResult: (reason: RefreshReason, result: RefreshResult) => void;
}

/** Runs `refresh` behind an answer that was already given; what comes of it is only counted. */
export type RefreshBehind = (
  reason: RefreshReason,
  refresh: (signal: AbortSignal) => Promise<unknown>,
) => void;

/** Refreshes in the background, bounded in number. There is no queue: the next request for it tries again. */
export function refreshes({ limit, stopping, onResult }: RefreshDeps): RefreshBehind {
  let underWay = 0;
  return (reason, refresh) => {
    if (underWay >= limit) return onResult(reason, "limit");
    underWay++;
    refresh(stopping)
      .then(
        () => onResult(reason, "ok"),
        () => onResult(reason, "failed"),
      )
      .finally(() => underWay--);
  };
}
