import type { RunEvent } from "../journal/event.ts";
import type { Window } from "../slos/slo.ts";
import { isProven } from "./faults.ts";
import type { JudgedFault, Reason, Verdict } from "./verdict.ts";

/** Why no statement on the system is possible at all: it was interrupted, or the harness or a tool failed. */
export function runReasons(events: readonly RunEvent[], load: Verdict["load"]): readonly Reason[] {
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
  const ofLoad = loadReasons(events);
  return ofLoad.length > 0 ? ofLoad : countReasons(load);
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

/**
 * More requests than the schedule has arrivals, give or take how they fall on its ends: some were reported twice,
 * and then neither a share of them nor the number of those that are missing means anything.
 */
function countReasons({ planned, sampled, dropped }: Verdict["load"]): readonly Reason[] {
  if (sampled + dropped <= planned + Math.max(5, planned / 100)) return [];
  const message = `the load script reported more requests than there were arrivals: ${sampled} and ${dropped} dropped, of ${planned} planned; it must report each arrival once`;
  return [{ of: "run", outcome: "HARNESS_ERROR", code: "LOAD_OVERREPORTED", message }];
}

/**
 * What the system did that no SLO asks for, and that disproves it all the same: a part of it ended by itself.
 * @param events in order of time
 */
export function memberReasons(events: readonly RunEvent[]): readonly Reason[] {
  const hits = hitsOf(events);
  // A system that is kept up for a look is whoever looks' to end.
  const endedMs = events.find(({ type }) => type === "run-ended")?.atMs ?? Number.POSITIVE_INFINITY;
  return events.flatMap((event): Reason[] => {
    if (event.type !== "process-exited" || event.expected || event.atMs > endedMs) return [];
    const { process, atMs } = event;
    // What a fault does while it lasts is that fault's matter: whether it was proven, and whether it healed.
    if (hits.some((hit) => hit.targets.includes(process) && atMs >= hit.fromMs && atMs <= hit.untilMs))
      return [];
    const how = event.signal === null ? `with code ${event.code}` : `by ${event.signal}`;
    const message = `${process} has ended ${how} while no fault was hitting it; its last words are in logs/${process}.log`;
    return [{ of: "run", outcome: "FAIL", code: "MEMBER_DIED", message }];
  });
}

/** What each fault hit, from its request until it is known whether it healed. */
function hitsOf(events: readonly RunEvent[]): readonly (Window & { readonly targets: readonly string[] })[] {
  const faults = events.filter((event) => event.type === "fault");
  return faults
    .filter(({ state }) => state === "requested")
    .map(({ fault, targets, atMs }) => {
      const over = faults.find(
        (event) => event.fault === fault && (event.state === "healed-proven" || event.state === "not-healed"),
      );
      return { targets, fromMs: atMs, untilMs: over?.atMs ?? Number.POSITIVE_INFINITY };
    });
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
    const seen = own.findLast(({ state }) => state === "not-proven")?.saw ?? fault.saw;
    const saw = seen === "" ? "" : `: ${seen}`;
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
    if (completed && fault.requestsDuring === 0) {
      const message = `no request began while the fault ${fault.id} was in force: nothing met it`;
      return [{ of: "fault", outcome: "INCONCLUSIVE", code: "FAULT_NOT_MET", message }];
    }
    return [];
  });
}
