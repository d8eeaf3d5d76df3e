import { type DestinationStream, type Logger, pino } from "pino";

/** JSON lines on stdout unless told otherwise. Prompts, answers and keys are never passed to it. */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Logs a problem. Problems of one `code` share a budget. */
export type LogProblem = (code: string, thrown: unknown, fields?: Readonly<Record<string, unknown>>) => void;

/**
 * Logs at most one problem of each code in `intervalMs`, and says how many it left out.
 *
 * In an outage every request has the same problem; a line each would cost more than the outage.
 */
export function problemLog(log: Logger, intervalMs: number, now: () => number): LogProblem {
  const seen = new Map<string, { nextAt: number; leftOut: number }>();
  return (code, thrown, fields = {}) => {
    const at = now();
    const last = seen.get(code);
    if (last !== undefined && at < last.nextAt) {
      last.leftOut++;
      return;
    }
    seen.set(code, { nextAt: at + intervalMs, leftOut: 0 });
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    log.warn({ ...fields, code, reason, leftOut: last?.leftOut ?? 0 }, "problem");
  };
}
