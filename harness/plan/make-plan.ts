import path from "node:path";
import { BreakwaterError } from "../errors.ts";
import { type PhaseName, phaseNames } from "../journal/event.ts";
import { wordsInstead } from "../nearest-word.ts";
import type { Scenario, SloSpec } from "../scenario/scenario.ts";
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

/** How much longer than its timeout a request may hold a virtual user of the load generator. */
const vuMarginMs = 500;

/**
 * Decides all that is going to happen: the same plan for the same request.
 * @throws BreakwaterError PLAN_REFUSED with every reason, each after a code of its own (RefusalCode);
 *   MUST_FAIL_MISSING where that change is asked for and the scenario names none
 */
export function makePlan(request: PlanRequest): Plan {
  const { scenario, scenarioName, system, substrateName, offer } = request;
  const change = request.mustFail ? changeOf(scenario, scenarioName) : { without: [], slos: [] };
  const without = [...new Set([...(request.without ?? []), ...change.without])];
  const slos = [...scenario.slos, ...change.slos];
  const seed = request.seed ?? scenario.seed;
  const refusals: Refusal[] = [];
  const refuse: Refuse = (code, message) => refusals.push({ code, message });

  const phases = planPhases(scenario);
  const faults = planFaults(request, phases, seededRandom(seed), refuse);
  const env = planEnv(scenario, without, system, refuse);
  checkSwitches([...without, ...switchesOf(scenario.mustFail)], system, refuse);
  checkSlos(slos, phases, system, refuse);
  if (scenario.load.extraPerS !== undefined && !system.load.reports.includes("extra")) {
    const reports = listed(system.load.reports);
    refuse(
      "FIELD_NOT_REPORTED",
      `cannot require extra load: "${system.load.script}" reports ${reports}, and not "extra"`,
    );
  }
  const limits = refusals.some(({ code }) => code === "NOT_OFFERED") ? offer.limits : [];
  throwRefusals(`"${scenarioName}" for system "${system.name}"`, refusals, limits);

  return {
    version: 1,
    scenario: scenarioName,
    title: scenario.title,
    hypothesis: scenario.hypothesis,
    system: system.name,
    substrate: substrateName,
    seed,
    without,
    env,
    load: {
      script: path.resolve(system.folder, system.load.script),
      reports: system.load.reports,
      reads: system.load.reads,
      ...scenario.load,
      vus: vusFor(scenario.load),
      durationMs: phases.at(-1)?.untilMs ?? 0,
    },
    phases,
    faults,
    slos,
    ...(scenario.mustFail === undefined ? {} : { mustFail: scenario.mustFail }),
  };
}

/** What is sent beside a request may hold its virtual user as long as the request itself. */
function vusFor({ ratePerS, timeoutMs, extraPerS }: Scenario["load"]): number {
  const vus = Math.ceil((ratePerS * (timeoutMs + vuMarginMs)) / 1000);
  return extraPerS === undefined ? vus : 2 * vus;
}

interface Change {
  readonly without: readonly string[];
  readonly slos: readonly SloSpec[];
}

function changeOf({ mustFail }: Scenario, scenarioName: string): Change {
  if (mustFail === undefined) {
    throw new BreakwaterError(
      "BAD_INPUT",
      "MUST_FAIL_MISSING",
      `Cannot make "${scenarioName}" fail: it does not name the change that does`,
      { hint: 'add "mustFail: { without: <switch> }" to the scenario' },
    );
  }
  return { without: switchesOf(mustFail), slos: "slo" in mustFail ? [mustFail.slo] : [] };
}

function switchesOf(mustFail: Scenario["mustFail"]): readonly string[] {
  return mustFail !== undefined && "without" in mustFail ? [mustFail.without] : [];
}

function planPhases(scenario: Scenario): readonly PlannedPhase[] {
  let fromMs = 0;
  return phaseNames.flatMap((phase) => {
    const lengthMs = scenario.phases[phase];
    if (lengthMs === undefined) return [];
    const planned = { phase, fromMs, untilMs: fromMs + lengthMs };
    fromMs = planned.untilMs;
    return [planned];
  });
}

function planFaults(
  { scenario, system, substrateName, offer }: PlanRequest,
  phases: readonly PlannedPhase[],
  random: Random,
  refuse: Refuse,
): readonly PlannedFault[] {
  const phaseFromMs = phases.find(({ phase }) => phase === "fault")?.fromMs ?? 0;
  return scenario.faults.flatMap(({ kind, target, atMs, forMs, params }, index) => {
    const needs = faultsByKind.get(kind)?.needs ?? [];
    const missing = needs.filter((capability) => !offer.capabilities.includes(capability));
    if (missing.length > 0) {
      refuse(
        "NOT_OFFERED",
        `Cannot inject "${kind}" on substrate "${substrateName}": it needs ${listed(missing)}, ` +
          `and the substrate offers ${listed(offer.capabilities)}`,
      );
    }
    const planned = planTarget(target, system, random, refuse);
    if (planned === undefined) return [];
    return [{ id: `${index}-${kind}`, kind, target: planned, atMs: phaseFromMs + atMs, forMs, params }];
  });
}

/** What is added to each service's environment. A thrown switch outranks a setting of the scenario. */
function planEnv(
  scenario: Scenario,
  without: readonly string[],
  system: System,
  refuse: Refuse,
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const services = Object.entries(system.services);
  for (const name of Object.keys(scenario.env).filter((name) => !Object.hasOwn(system.services, name))) {
    const instead = wordsInstead(name, Object.keys(system.services));
    refuse("UNKNOWN_SERVICE", `cannot set the environment of "${name}", which is no service: ${instead}`);
  }
  const added = services.map(([name, service]) => {
    const thrown = Object.entries(service.switches).filter(([known]) => without.includes(known));
    const settings = [scenario.env[name] ?? {}, ...thrown.map(([, env]) => env)];
    return [name, Object.fromEntries(settings.flatMap((env) => Object.entries(env)))] as const;
  });
  return Object.fromEntries(added.filter(([, env]) => Object.keys(env).length > 0));
}

/** The switch of `mustFail` is among them without --must-fail, too: a mistake in the file is told before the storm. */
function checkSwitches(names: readonly string[], system: System, refuse: Refuse): void {
  const known = Object.values(system.services).flatMap(({ switches }) => Object.keys(switches));
  for (const name of names.filter((name) => !known.includes(name))) {
    const instead = wordsInstead(name, [...new Set(known)]);
    refuse("UNKNOWN_SWITCH", `cannot go without "${name}", which is no switch: ${instead}`);
  }
}

function checkSlos(
  slos: readonly SloSpec[],
  phases: readonly PlannedPhase[],
  system: System,
  refuse: Refuse,
): void {
  const present: readonly PhaseName[] = phases.map(({ phase }) => phase);
  for (const { slo, limit, during } of slos) {
    const definition = slosByName.get(slo);
    if (definition === undefined) continue;
    for (const phase of new Set([...during, ...(definition.needsPhases ?? [])])) {
      if (present.includes(phase)) continue;
      refuse(
        "SLO_PHASE_MISSING",
        `cannot judge "${slo}": it needs phase "${phase}", and there is ${listed(present)}`,
      );
    }
    for (const field of definition.needs(definition.limit.parse(limit))) {
      if (system.load.reports.includes(field)) continue;
      refuse(
        "FIELD_NOT_REPORTED",
        `cannot judge "${slo}": it needs "${field}" of each request, and ` +
          `"${system.load.script}" reports ${listed(system.load.reports)}`,
      );
    }
  }
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? "nothing" : words.map((word) => `"${word}"`).join(", ");
}
