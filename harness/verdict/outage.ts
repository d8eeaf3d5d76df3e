import { failed, type RunEvent, type Sample } from "../journal/event.ts";
import type { Verdict } from "./verdict.ts";

/** As long as none must have failed at the end: after less than that, the load may have ended between two failures. */
const calmMs = 1000;

/**
 * When the failure was first seen and when service was back, from the first fault's request; absent without a fault.
 * @param events in order of time
 * @param samples in order of start time
 */
export function outageOf(events: readonly RunEvent[], samples: readonly Sample[]): Verdict["outage"] {
  const requested = events.find((event) => event.type === "fault" && event.state === "requested");
  if (requested === undefined) return undefined;
  const after = samples.filter(({ startMs }) => startMs >= requested.atMs);
  const first = after.find(failed);
  const failedRequests = after.filter(failed).length;
  if (first === undefined) return { failedRequests };
  const next = after[after.findLastIndex(failed) + 1];
  const endMs = after.at(-1)?.startMs ?? 0;
  const back = next !== undefined && endMs - next.startMs >= calmMs ? next : undefined;
  const sinceMs = ({ startMs }: Sample) => Math.round(startMs - requested.atMs);
  return {
    firstFailureMs: sinceMs(first),
    ...(back === undefined ? {} : { backMs: sinceMs(back) }),
    failedRequests,
  };
}
