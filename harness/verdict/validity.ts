import type { RunEvent } from "../journal/event.ts";
import type { PlannedFault } from "../plan/plan.ts";
import { isProven } from "./faults.ts";
import type { JudgedFault, Reason } from "./verdict.ts";

/** Why no statement on the system is possible at all: it was interrupted, or the harness or a tool failed. */
export function runReasons(events: readonly RunEvent[]): readonly Reason[] {
  // The last word: stopping the system may have failed after the run itself was over.
  const ended = events.findLast((event) => event.type === "run-ended");
  if (ended === undefined) {
    const message = "the journal ends in the middle of the run: the harness itself was killed";
    return [{ of: "run", outcome: "HARNESS_ERROR", code: "RUN_CUT_SHORT", message }];
  }
  if (ended.how === "interrupted") {
    return [{ of: "run", outcome: "INTERRUPTED", code: "INTERRUPTED", message: "the run was interrupted" }];
  }
  if (ended.how === "failed") {
    const { code = "RUN_FAILED", message = "the run failed and did not say why" } = ended.error ?? {};
    return [{ of: "run", outcome: "HARNESS_ERROR", code, message }];
  }
  return loadReasons(events);
}

function loadReasons(events: readonly RunEvent[]): readonly Reason[] {
  const load = events.find((event) => event.type === "load-ended");
  if (load === undefined) {
    const message = "the journal does not say that the load has ended";
    return [{ of: "run", outcome: "HARNESS_ERROR", code: "LOAD_FAILED", message }];
  }
  if (load.expected || (load.code === 0 && load.signal === null)) return [];
  const how = load.signal === null ? `exit code ${load.code}` : `signal ${load.signal}`;
  const message = `the load generator ended with ${how}`;
  return [{ of: "run", outcome: "HARNESS_ERROR", code: "LOAD_FAILED", message }];
}

/** What the system did that no SLO asks for, and that disproves it all the same: a part of it ended by itself. */
export function memberReasons(events: readonly RunEvent[]): readonly Reason[] {
  // What a fault has hit is that fault's matter: whether it was proven, and whether it healed.
  const hit = new Set(events.flatMap((event) => (event.type === "fault" ? event.targets : [])));
  return events.flatMap((event): Reason[] => {
    if (event.type !== "process-exited" || event.expected || hit.has(event.process)) return [];
    const how = event.signal === null ? `with code ${event.code}` : `by ${event.signal}`;
    const message = `${event.process} has ended ${how}, and no fault had hit it; its last words are in logs/${event.process}.log`;
    return [{ of: "run", outcome: "FAIL", code: "MEMBER_DIED", message }];
  });
}

/** Connections that passed no link were not touched by a fault on links, so it was not in force for them. */
export function bypassReasons(
  plannedFaults: readonly PlannedFault[],
  events: readonly RunEvent[],
): readonly Reason[] {
  if (!plannedFaults.some(({ target }) => target.hits === "link")) return [];
  const bypasses = events.filter((event) => event.type === "bypass");
  const [first] = bypasses;
  if (first === undefined) return [];
  const message = `${bypasses.length} connections passed no link, the first from ${first.from} to ${first.to}: no fault on a link touched them`;
  return [{ of: "fault", outcome: "INCONCLUSIVE", code: "LINK_BYPASSED", message }];
}

/**
 * Why nothing can be concluded from the faults of a run.
 * A run that was not completed has only those reasons that its evidence stated.
 */
export function faultReasons(
  faults: readonly JudgedFault[],
  events: readonly RunEvent[],
  completed: boolean,
): readonly Reason[] {
  return faults.flatMap((fault): Reason[] => {
    const own = events.filter((event) => event.type === "fault").filter((event) => event.fault === fault.id);
    const states = own.map(({ state }) => state);
    const saw = fault.saw === "" ? "" : `: ${fault.saw}`;
    if (states.includes("not-proven") || (completed && !isProven(fault))) {
      const message = `the fault ${fault.id} was not proven to be in force${saw}`;
      return [{ of: "fault", outcome: "INCONCLUSIVE", code: "FAULT_NOT_PROVEN", message }];
    }
    if (fault.healedMs === undefined && (completed || states.includes("not-healed"))) {
      const last = own.findLast(({ state }) => state === "not-healed");
      const why = last?.saw === undefined ? "" : `: ${last.saw}`;
      const message = `what the fault ${fault.id} hit was not proven to be healed${why}`;
      return [{ of: "fault", outcome: "INCONCLUSIVE", code: "FAULT_NOT_HEALED", message }];
    }
    return [];
  });
}
