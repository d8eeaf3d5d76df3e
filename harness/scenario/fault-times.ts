import { z } from "zod";
import { duration } from "../system/units.ts";
import type { Mistake } from "./mistakes.ts";

/** What is needed of a scenario to compare times. What is wrong in itself is left out: its schema tells of it. */
const timed = z.object({
  phases: z.object({ fault: z.unknown().optional() }).optional().catch(undefined),
  faults: z
    .array(
      z
        .object({
          at: duration.prefault("0s").catch(Number.NaN),
          for: duration.catch(Number.NaN),
        })
        .catch({ at: Number.NaN, for: Number.NaN }),
    )
    .default([]),
});

/** How the faults of a scenario file do not fit its phases, whatever else is wrong in it. */
export function faultTimeMistakes(input: unknown): readonly Mistake[] {
  const { phases, faults } = timed.safeParse(input).data ?? {};
  if (phases === undefined || faults === undefined) return [];
  if (phases.fault === undefined) {
    if (faults.length === 0) return [];
    return [{ path: ["phases"], of: "key", message: "there are faults, and no fault phase for them" }];
  }
  if (faults.length === 0) {
    const message = "there is no fault for this phase; as a control, there is `kind: nothing`";
    return [{ path: ["phases", "fault"], of: "key", message }];
  }
  const phaseMs = duration.safeParse(phases.fault).data ?? Number.NaN;
  return faults.flatMap((fault, index) => {
    const untilMs = fault.at + fault.for;
    if (!(untilMs > phaseMs)) return [];
    const message = `the fault would end at ${untilMs} ms of a phase of ${phaseMs} ms`;
    return [{ path: ["faults", index, "for"], of: "value", message }];
  });
}
