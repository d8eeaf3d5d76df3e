import path from "node:path";
import { BreakwaterError } from "../errors.ts";
import { type PhaseName, phaseNames } from "../journal/event.ts";
import { wordsInstead } from "../nearest-word.ts";
import type { FaultSpec, Scenario, SloSpec } from "../scenario/scenario.ts";
import { faultsByKind, slosByName } from "../scenario/vocabulary.ts";
import type { Offer } from "../substrates/substrate.ts";
import type { System } from "../system/system.ts";
import type { Plan, PlannedFault, PlannedPhase } from "./plan.ts";
import { planTarget } from "./plan-target.ts";
import { type Random, seededRandom } from "./random.ts";
import { type Refusal, type Refuse, throwRefusals } from "./refusals.ts";

export interface PlanRequest {
  readonly scenario: Scenario;
  /** The name that the scenario goes by, such as its file's without folder and ending. */
  readonly scenarioName: string;
  readonly system: System;
  readonly substrateName: string;
  readonly offer: Offer;
  /** In place of the scenario's. */
  readonly seed?: number | undefined;
  /** Switches to throw. */
  readonly without?: readonly string[] | undefined;
  /** Whether to apply the change that the scenario says must make it fail. */
  readonly mustFail?: boolean | undefined;
}

/** A request that arrives just before the load ends is still waited for this long, beside its timeout. */
const marginMs = 500;

/**
 * Decides all that is going to happen: the same plan for the same request.
 * @throws BreakwaterError PLAN_REFUSED with every reason, each after a code of its own (RefusalCode);
 *   MUST_FAIL_MISSING where that change is asked for and the scenario names none
 */
export function makePlan(request: PlanRequest): Plan {
  const { scenarioName, system, substrateName, offer } = request;
  const scenario = request.mustFail ? withItsChange(request.scenario, scenarioName) : request.scenario;
  const without = [...new Set([...(request.without ?? []), ...switchOf(scenario, request.mustFail)])];
  const seed = request.seed ?? scenario.seed;
  const refusals: Refusal[] = [];
  const refuse: Refuse = (code, message) => refusals.push({ code, message });

  const phases = planPhases(scenario);
  const faults = planFaults(scenario.faults, phases, { system, substrateName, offer }, seededRandom(seed), refuse);
  checkSlos(scenario, system, refuse);
  const plan: Plan = {
    version: 1,
    scenario: scenarioName,
    title: scenario.title,
    hypothesis: scenario.hypothesis,
    system: system.name,
    substrate: substrateName,
    seed,
    without,
    env: planEnv(scenario, without, system, refuse),
    load: {
      script: path.resolve(system.folder, system.load.script),
      reports: system.load.reports,
      ...scenario.load,
      vus: Math.ceil((scenario.load.ratePerS * (scenario.load.timeoutMs + marginMs)) / 1000),
      durationMs: phases.at(-1)?.untilMs ?? 0,
    },
    phases,
    faults,
    slos: scenario.slos,
  };
  const limits = refusals.some(({ code }) => code === "NOT_OFFERED") ? offer.limits : [];
  throwRefusals(`"${scenarioName}" for system "${system.name}"`, refusals, limits);
  return plan;
}
