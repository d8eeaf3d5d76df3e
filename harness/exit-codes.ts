/** What the process tells its caller. Every number here is documented in docs/verdicts.md. */
export const exitCodes = {
  /** Every SLO passed, every fault was proven, the load was valid. */
  PASS: 0,
  /** At least one SLO failed, and its evidence is valid. */
  FAIL: 1,
  /** No statement is possible: too few samples, a fault not proven, a sick baseline before a fault. */
  INCONCLUSIVE: 2,
  /** The harness or a tool failed: no statement on the system. */
  HARNESS_ERROR: 3,
  /** A scenario, system file or argument is wrong; nothing was started. */
  BAD_INPUT: 4,
  /** Ctrl-C, SIGTERM or loss of the parent: healed, stopped, reported as far as it went. */
  INTERRUPTED: 130,
} as const;

export type Outcome = keyof typeof exitCodes;
