import type { FaultState, RunEvent, Sample } from "../journal/event.ts";
import type { PlannedFault } from "../plan/plan.ts";
import type { JudgedFault } from "./verdict.ts";

/**
 * The four times of each planned fault and what the evidence saw.
 * @param events in order of time
 */
export function judgeFaults(
  planned: readonly PlannedFault[],
  events: readonly RunEvent[],
  samples: readonly Sample[],
): readonly JudgedFault[] {
  return planned.map(({ id, kind }) => {
    const own = events.filter((event) => event.type === "fault").filter(({ fault }) => fault === id);
    const at = (state: FaultState) => own.find((event) => event.state === state)?.atMs;
    const times = {
      requestedMs: at("requested"),
      provenMs: at("proven"),
      healRequestedMs: at("heal-requested"),
      healedMs: at("healed-proven"),
    };
    const { provenMs, healRequestedMs = Number.POSITIVE_INFINITY } = times;
    // What was seen of its healing says nothing of whether it was in force.
    const proof =
      own.find(({ state }) => state === "proven") ?? own.find(({ state }) => state === "not-proven");
    return {
      id,
      kind,
      targets: own.at(0)?.targets ?? [],
      ...known(times),
      saw: proof?.saw ?? "",
      requestsDuring:
        provenMs === undefined
          ? 0
          : samples.filter(({ startMs }) => startMs >= provenMs && startMs < healRequestedMs).length,
    };
  });
}

type Times = Pick<JudgedFault, "requestedMs" | "provenMs" | "healRequestedMs" | "healedMs">;

function known(times: Record<keyof Times, number | undefined>): Times {
  const rounded = Object.entries(times).flatMap(([name, timeMs]) =>
    timeMs === undefined ? [] : [[name, Math.round(timeMs)] as const],
  );
  return Object.fromEntries(rounded);
}

/** Whether it was in force from a proven moment to a known one: only such a fault's window can be judged. */
export function isProven({ provenMs, healRequestedMs }: JudgedFault): boolean {
  return provenMs !== undefined && healRequestedMs !== undefined;
}
