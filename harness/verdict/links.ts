import type { RunEvent } from "../journal/event.ts";
import type { PlannedFault } from "../plan/plan.ts";
import type { Reason } from "./verdict.ts";

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
 * A fault is proven by probes of the harness. On links that the system itself never used, it was in force and
 * touched nothing all the same.
 * @param events in order of time
 */
export function unusedReasons(
  plannedFaults: readonly PlannedFault[],
  events: readonly RunEvent[],
): readonly Reason[] {
  return plannedFaults.flatMap(({ id, target }): Reason[] => {
    if (target.hits !== "link") return [];
    const requested = events
      .filter((event) => event.type === "fault")
      .find(({ fault, state }) => fault === id && state === "requested");
    if (requested === undefined) return [];
    const before = events.slice(0, events.indexOf(requested));
    const links = before.findLast((event) => event.type === "traffic")?.links ?? {};
    if (requested.targets.some((link) => (links[link]?.connections ?? 0) > 0)) return [];
    const message = `nothing had used ${requested.targets.join(", ")} before the fault ${id}: it may have touched no request`;
    return [{ of: "fault", outcome: "INCONCLUSIVE", code: "LINK_UNUSED", message }];
  });
}
