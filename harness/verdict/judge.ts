import { BreakwaterError } from "../errors.ts";
import { exitCodes, type Outcome } from "../exit-codes.ts";
import { failed, type RunEvent, type Sample } from "../journal/event.ts";
import type { Plan, PlannedSlo } from "../plan/plan.ts";
import { type AnySlo, slos } from "../slos/catalog.ts";
import type { ObservedRun } from "../slos/slo.ts";
import { judgeExtraLoad } from "./extra-load.ts";
import { failuresOf } from "./failures.ts";
import { judgeFaults } from "./faults.ts";
import { type Doubts, judgeSlo } from "./judge-slo.ts";
import { bypassReasons, unusedReasons } from "./links.ts";
import { observeRun } from "./observe.ts";
import { outageOf } from "./outage.ts";
import { faultReasons, memberReasons, runReasons } from "./validity.ts";
import type { JudgedFault, JudgedSlo, Reason, Verdict } from "./verdict.ts";
import { faultBeganMs } from "./windows.ts";

/** Of one run: what makes it worthless comes before what it says of the system. */
const worstFirst: readonly Outcome[] = ["INTERRUPTED", "HARNESS_ERROR", "FAIL", "INCONCLUSIVE"];

/**
 * What a run proves. A function of its arguments alone, whatever the order of events and samples: judging an
 * old run gives the same verdict, key by key.
 */
export async function judge(
  plan: Plan,
  recorded: { readonly events: readonly RunEvent[]; readonly samples: readonly Sample[] },
): Promise<Verdict> {
  const run = observeRun(plan.load, recorded);
  const { events, samples } = run;
  const load = {
    planned: Math.round((plan.load.ratePerS * plan.load.durationMs) / 1000),
    sampled: samples.length,
    dropped: events.reduce((sum, event) => sum + (event.type === "arrivals-dropped" ? event.count : 0), 0),
    lost: run.lost({ fromMs: Number.NEGATIVE_INFINITY, untilMs: run.untilMs }),
    failed: samples.filter(failed).length,
  };
  const ofRun = runReasons(events, load);
  const faults = judgeFaults(plan.faults, events, samples);
  const ofFaults = faultReasons(faults, events, ofRun.length === 0);
  const doubts: Doubts = {
    runCode: ofRun[0]?.code,
    faultMs: plan.faults.length === 0 ? undefined : (faultBeganMs(run.events) ?? run.untilMs),
    notProven: ofFaults.some(({ code }) => code === "FAULT_NOT_PROVEN"),
    notHealedMs: ofFaults.some(({ code }) => code === "FAULT_NOT_HEALED")
      ? firstUnhealedMs(faults)
      : undefined,
  };
  const judged = withSickBaseline(
    await Promise.all(plan.slos.map(async (planned) => judgePlanned(planned, run, doubts))),
  );
  const extraLoad = judgeExtraLoad(plan.load, events, run.untilMs);
  // A run that failed has ended its system in the middle.
  const ofSystem =
    ofRun.length === 0
      ? [
          ...memberReasons(events),
          ...bypassReasons(plan.faults, events),
          ...unusedReasons(plan.faults, events),
          ...(extraLoad?.reasons ?? []),
        ]
      : [];
  const reasons = [...ofRun, ...ofFaults, ...ofSystem, ...sloReasons(judged)].toSorted(
    (a, b) => worstFirst.indexOf(a.outcome) - worstFirst.indexOf(b.outcome),
  );
  const [worst] = reasons;
  const outcome = worst?.outcome ?? "PASS";
  const outage = outageOf(events, samples);
  const started = events.find((event) => event.type === "run-started");
  return {
    version: 1,
    runId: started?.runId ?? "",
    scenario: plan.scenario,
    outcome,
    exitCode: exitCodes[outcome],
    because: summary(reasons, judged, faults, samples.length),
    reasons,
    slos: judged,
    faults,
    load,
    failures: failuresOf(samples),
    ...(extraLoad === undefined ? {} : { extraLoad: extraLoad.told }),
    ...(outage === undefined ? {} : { outage }),
  };
}

async function judgePlanned(planned: PlannedSlo, run: ObservedRun, doubts: Doubts): Promise<JudgedSlo> {
  const { slo: name, during } = planned;
  const catalog: Readonly<Record<string, () => Promise<{ default: AnySlo }>>> = slos;
  const slo = (await catalog[name]?.())?.default;
  const limit = slo?.limit.safeParse(planned.limit);
  if (slo === undefined || limit?.success !== true) {
    const why = slo === undefined ? "there is no such SLO" : `its limit is not one: ${limit?.error?.message}`;
    throw new BreakwaterError("HARNESS_ERROR", "PLAN_UNREADABLE", `Cannot judge "${name}": ${why}`, {
      hint: "Judge a run with the version of breakwater that made it.",
    });
  }
  const { outcome, code, because, value, n } = judgeSlo({ slo, limit: limit.data, during }, run, doubts);
  const asked = slo.describe(limit.data);
  return { slo: name, asked, during, outcome, ...(code === undefined ? {} : { code }), because, value, n };
}

/** Once one SLO has shown that the system was ill before the storm, no miss can be put down to the storm. */
function withSickBaseline(judged: readonly JudgedSlo[]): readonly JudgedSlo[] {
  if (!judged.some(({ code }) => code === "BASELINE_SICK")) return judged;
  return judged.map((slo) => {
    if (slo.outcome !== "fail") return slo;
    const because = `${slo.because}; the system was ill before the fault began`;
    return { ...slo, outcome: "inconclusive", code: "BASELINE_SICK", because };
  });
}

function sloReasons(judged: readonly JudgedSlo[]): readonly Reason[] {
  if (judged.length === 0) {
    const message = "the scenario has no SLO: nothing was judged";
    return [{ of: "run", outcome: "INCONCLUSIVE", code: "NO_SLO", message }];
  }
  return judged.flatMap(({ slo, during, outcome, code, because }): Reason[] => {
    if (outcome === "pass") return [];
    const when = during.length === 0 ? "" : ` during ${during.join(" and ")}`;
    const message = `${slo}${when}: ${because}`;
    return [
      {
        of: "slo",
        outcome: outcome === "fail" ? "FAIL" : "INCONCLUSIVE",
        code: code ?? "LIMIT_MISSED",
        message,
      },
    ];
  });
}

function firstUnhealedMs(faults: readonly JudgedFault[]): number {
  return Math.min(
    ...faults.flatMap(({ healedMs, healRequestedMs = 0 }) =>
      healedMs === undefined ? [healRequestedMs] : [],
    ),
  );
}

function summary(
  reasons: readonly Reason[],
  judged: readonly JudgedSlo[],
  faults: readonly JudgedFault[],
  sampled: number,
): string {
  const [worst] = reasons;
  // Of the same kind: what merely cannot be concluded is no further miss.
  const more = reasons.filter(({ outcome }) => outcome === worst?.outcome).length - 1;
  // The rest of a long message stands with the reasons.
  if (worst !== undefined)
    return (worst.message.split("\n")[0] ?? "") + (more === 0 ? "" : ` (and ${more} more)`);
  const proven = faults.length === 0 ? "" : `, ${count(faults.length, "fault")} proven and healed`;
  return `${count(judged.length, "SLO")} met over ${count(sampled, "request")}${proven}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
