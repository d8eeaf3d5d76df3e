import { type RunEvent, stretchMs } from "../journal/event.ts";
import type { PlannedLoad } from "../plan/plan.ts";
import type { Window } from "../slos/slo.ts";
import type { Reason, Verdict } from "./verdict.ts";
import { phasesOf } from "./windows.ts";

export interface ExtraLoad {
  /** For reports, rounded. */
  readonly told: NonNullable<Verdict["extraLoad"]>;
  /** Why the SLOs, though they may be met, show nothing. */
  readonly reasons: readonly Reason[];
}

/**
 * Whether the load script has sent as much beside the measured requests as the scenario is about: in each phase
 * after the warm-up as it ran, whether or not a fault was in force; undefined where the plan asks for nothing.
 * @param events in order of time
 */
export function judgeExtraLoad(
  { extraPerS, ratePerS }: PlannedLoad,
  events: readonly RunEvent[],
  untilMs: number,
): ExtraLoad | undefined {
  if (extraPerS === undefined) return undefined;
  const sent = events.filter((event) => event.type === "extra-load");
  const phases = phasesOf(events, untilMs)
    .filter(({ phase }) => phase !== "warmup")
    .map((over) => ({
      ...over,
      seconds: (over.untilMs - over.fromMs) / 1000,
      count: sent.reduce((sum, { atMs, count }) => sum + count * shareWithin(atMs, over), 0),
    }));
  // As much as is sent with one measured request: so they may fall on a phase's edges.
  const edges = Math.max(1, extraPerS / ratePerS);
  const short = phases.filter(({ count, seconds }) => count < extraPerS * seconds - edges);
  const asked = `the scenario is about ${rounded(extraPerS)}/s or more`;
  const messages = short.map(({ phase, count, seconds }) => {
    const least = Math.ceil(extraPerS * seconds);
    return `the load script sent ${Math.floor(count)} requests beside the measured ones during ${phase}, and ${asked}: ${least} in its ${rounded(seconds)} s`;
  });
  // What is rare may be missing from every phase for itself, but not from all.
  if (messages.length === 0 && phases.every(({ count }) => count === 0)) {
    messages.push(
      `the load script sent nothing beside the measured requests after the warm-up, and ${asked}`,
    );
  }
  return {
    told: {
      askedPerS: extraPerS,
      perS: Object.fromEntries(phases.map(({ phase, count, seconds }) => [phase, rounded(count / seconds)])),
    },
    reasons: messages.map((message) => ({
      of: "run",
      outcome: "INCONCLUSIVE",
      code: "EXTRA_LOAD_MISSING",
      message,
    })),
  };
}

/** Of what was sent in the stretch that begins at a time, as much as fell into the window. */
function shareWithin(atMs: number, { fromMs, untilMs }: Window): number {
  return Math.max(0, Math.min(untilMs, atMs + stretchMs) - Math.max(fromMs, atMs)) / stretchMs;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
