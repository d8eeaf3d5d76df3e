import type { RunEvent } from "../journal/event.ts";
import type { Plan } from "../plan/plan.ts";
import type { ObservedRun } from "../slos/slo.ts";
import type { Reason, Verdict } from "./verdict.ts";

/** What the load script says it has sent beside the measured requests; undefined where the plan asks for nothing. */
export function extraLoadOf({ load, phases }: Plan, { events, windows }: ObservedRun): Verdict["extraLoad"] {
  if (load.extraPerS === undefined) return undefined;
  const sent = events.filter((event) => event.type === "extra-load");
  const judged = phases.map(({ phase }) => phase).filter((phase) => phase !== "warmup");
  const perS = judged.flatMap((phase) => {
    const over = windows[phase] ?? [];
    const lengthMs = over.reduce((sum, { fromMs, untilMs }) => sum + untilMs - fromMs, 0);
    if (lengthMs <= 0) return [];
    const within = ({ atMs }: RunEvent) =>
      over.some(({ fromMs, untilMs }) => atMs >= fromMs && atMs < untilMs);
    const count = sent.filter(within).reduce((sum, event) => sum + event.count, 0);
    return [[phase, Math.round((count / lengthMs) * 10_000) / 10] as const];
  });
  return { askedPerS: load.extraPerS, perS: Object.fromEntries(perS) };
}

/** Without the load that a scenario is about, its SLOs may be met and show nothing. */
export function extraLoadReasons(extra: Verdict["extraLoad"]): readonly Reason[] {
  if (extra === undefined) return [];
  return Object.entries(extra.perS)
    .filter(([, perS]) => perS < extra.askedPerS)
    .map(([phase, perS]) => ({
      of: "run",
      outcome: "INCONCLUSIVE",
      code: "EXTRA_LOAD_MISSING",
      message: `the load script sent ${perS}/s beside the measured requests during ${phase}, and the scenario is about ${extra.askedPerS}/s or more`,
    }));
}
