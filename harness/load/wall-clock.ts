/** Converts Unix time, as k6 stamps its rows, to run time. */
export interface WallClock {
  /** @param wallMs of something that has been, not of something that is to be */
  toRunMs(wallMs: number): number;
  /** Looks whether the wall clock was set since; costs microseconds. */
  check(): void;
}

/** A smaller step is reading noise: the wall clock has a resolution of 1 ms. */
const stepMs = 5;
/** A reading that took longer was interrupted, and says nothing. */
const steadyReadingMs = 1;

/**
 * @param nowMs run time
 * @param onOffset told of the wall time at run time 0, at once and whenever it has moved by more than 5 ms
 * @param wallNowMs the wall clock in whole ms, rounded down
 */
export function createWallClock(
  nowMs: () => number,
  onOffset: (wallAtZeroMs: number) => void,
  wallNowMs: () => number = Date.now,
): WallClock {
  const read = () => {
    const before = nowMs();
    // Half a millisecond makes up for the rounding down.
    const wall = wallNowMs() + 0.5;
    const after = nowMs();
    return { wallAtZeroMs: wall - (before + after) / 2, steady: after - before <= steadyReadingMs };
  };

  let { wallAtZeroMs } = read();
  let agreedMs = nowMs();
  /** The offset of before the last step, and when it was last seen to hold. */
  let before = { wallAtZeroMs, agreedMs: Number.NEGATIVE_INFINITY };
  onOffset(wallAtZeroMs);
  return {
    toRunMs(wallMs) {
      const runMs = wallMs - wallAtZeroMs;
      // Rows wait in k6 for a while: one from before the step seems to be older than the step, or not to have been yet.
      const isFromBefore = runMs < before.agreedMs || runMs > nowMs() + stepMs;
      return isFromBefore ? wallMs - before.wallAtZeroMs : runMs;
    },
    check() {
      const reading = read();
      if (!reading.steady) return;
      if (Math.abs(reading.wallAtZeroMs - wallAtZeroMs) > stepMs) {
        before = { wallAtZeroMs, agreedMs };
        wallAtZeroMs = reading.wallAtZeroMs;
        onOffset(wallAtZeroMs);
      }
      agreedMs = nowMs();
    },
  };
}
