import type { RunEvent } from "../../journal/event.ts";

/**
 * What is said of a run on a machine that had more to do than it has cores for when the run began; undefined for
 * another, and for a run recorded without it. Nothing is decided by it: the load average tells neither whose work that
 * was nor whether it was in the way.
 */
export function busyMachine(events: readonly RunEvent[]): string | undefined {
  const [began] = events.filter((event) => event.type === "machine").toSorted((a, b) => a.atMs - b.atMs);
  if (began === undefined || began.load1m <= began.cores) return undefined;
  const { load1m, cores } = began;
  return `the machine was busy when the run began (load average ${load1m.toFixed(1)}, ${cores} ${cores === 1 ? "core" : "cores"}): other work on it may be what was measured; run again when it is idle`;
}
