import { z } from "zod";
import type { AnyFault } from "../faults/catalog.ts";
import { type PhaseName, phaseNames } from "../journal/event.ts";
import { duration, rate } from "../system/units.ts";
import { linkTarget, memberTarget, type Target } from "./target.ts";
import { faultsByKind, slosByName } from "./vocabulary.ts";

/** One experiment, as read from its file. */
export interface Scenario {
  readonly title: string;
  readonly hypothesis: string;
  readonly load: {
    readonly ratePerS: number;
    readonly keys: { readonly distribution: "zipf" | "uniform"; readonly exponent: number; readonly count: number };
    readonly timeoutMs: number;
  };
  /** How long each phase lasts, in ms. */
  readonly phases: { readonly warmup: number; readonly baseline: number; readonly fault?: number; readonly recovery?: number };
  /** Settings of this experiment, added to a service's environment, by service. */
  readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly faults: readonly FaultSpec[];
  readonly slos: readonly SloSpec[];
  /** The change that makes the scenario fail, which shows that it can. */
  readonly mustFail?: { readonly without: string } | { readonly slo: SloSpec };
  readonly seed: number;
}

export interface FaultSpec {
  readonly kind: string;
  readonly target: Target;
  /** From the start of the fault phase. */
  readonly atMs: number;
  readonly forMs: number;
  /** As the file gives them; the fault's own schema reads them again. */
  readonly params: Readonly<Record<string, unknown>>;
}

export interface SloSpec {
  readonly slo: string;
  /** As the file gives it; the SLO's own schema reads it again. */
  readonly limit: unknown;
  /** Empty: every phase after the warm-up. */
  readonly during: readonly PhaseName[];
}

const someTime = duration.refine((ms) => ms > 0, "this has to take some time");

const load = z.strictObject({
  rate: rate.describe("arrivals; they do not wait for answers"),
  keys: z.strictObject({
    distribution: z.enum(["zipf", "uniform"]),
    exponent: z.number().nonnegative().default(1).describe("of the Zipf distribution"),
    count: z.int().positive().describe("how many different requests there are"),
  }),
  timeout: someTime.prefault("3s").describe("after which the load gives a request up"),
});

const phases = z
  .strictObject({
    warmup: someTime.describe("not judged"),
    baseline: someTime,
    fault: someTime.optional(),
    recovery: someTime.optional(),
  })
  .refine(({ fault, recovery }) => recovery === undefined || fault !== undefined, {
    path: ["recovery"],
    message: "there is nothing to recover from without a fault phase",
  });

const faultTiming = {
  at: duration.prefault("0s").describe("from the start of the fault phase"),
  for: someTime.describe("until it is healed"),
};

function faultSchema(kind: string, fault: AnyFault) {
  // Typed as having no keys of its own, so that the others keep their types.
  const params: object = fault.params.shape;
  const common = { ...params, kind: z.literal(kind), ...faultTiming };
  switch (fault.hits) {
    case "nothing":
      return z.strictObject(common).transform((spec) => ({ ...spec, target: { hits: "nothing" } as const }));
    case "member":
      return z.strictObject({ ...common, target: memberTarget });
    case "link":
      return z.strictObject({ ...common, target: linkTarget });
  }
}

const [firstFault, ...otherFaults] = [...faultsByKind].map(([kind, fault]) => faultSchema(kind, fault));
if (firstFault === undefined) throw new Error("the catalog of faults is empty");
const fault = z.discriminatedUnion("kind", [firstFault, ...otherFaults]);

const phase = z.enum(phaseNames);

const slo = z
  .strictObject({
    ...Object.fromEntries([...slosByName].map(([name, { limit }]) => [name, limit.optional()])),
    during: z
      .union([phase, z.array(phase).min(1)])
      .optional()
      .describe("several phases are pooled; every phase after the warm-up where none is named"),
  })
  .refine((spec) => sloNamesIn(spec).length === 1, {
    message: `an entry sets one SLO: ${[...slosByName.keys()].join(", ")}`,
    // An unknown key says more than this.
    when: ({ issues }) => issues.length === 0,
  });

const mustFail = z
  .strictObject({
    without: z.string().optional().describe("a switch of the system"),
    slo: slo.optional().describe("an SLO that cannot be met, added to the others"),
  })
  .refine(({ without, slo }) => (without === undefined) !== (slo === undefined), {
    message: "name one change: a switch to go without, or an SLO",
    when: ({ issues }) => issues.length === 0,
  });

/** A scenario file. What faults and SLOs it may name is taken from their catalogs. */
export const scenarioSchema = z
  .strictObject({
    title: z.string().min(1),
    hypothesis: z.string().min(1).describe("what is believed to happen, in words"),
    load,
    phases,
    env: z.record(z.string(), z.record(z.string(), z.string())).default({}).describe("by service"),
    faults: z.array(fault).default([]),
    slos: z.array(slo).min(1, "a scenario without SLOs would judge nothing"),
    mustFail: mustFail.optional().describe("the change that makes this scenario exit 1"),
    seed: z.int().nonnegative().default(1).describe("of all draws"),
  })
  .superRefine(faultsFit, { when: ({ value }) => typeof value === "object" && value !== null })
  .describe("Breakwater scenario: one experiment");

type ScenarioFile = z.output<typeof scenarioSchema>;

/** May be called with a scenario that is wrong elsewhere: nothing in it is certain to have its type. */
function faultsFit(scenario: ScenarioFile, context: z.core.$RefinementCtx<ScenarioFile>): void {
  const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: "custom", path, message });
  const faults = Array.isArray(scenario.faults) ? scenario.faults : [];
  const phaseMs = scenario.phases?.fault;
  if (phaseMs === undefined && scenario.phases !== undefined && faults.length > 0) {
    refuse(["phases"], "there are faults, and no fault phase for them");
  }
  if (phaseMs !== undefined && faults.length === 0) {
    refuse(["phases", "fault"], "no fault is in this phase; for a control, there is `kind: nothing`");
  }
  for (const [index, spec] of faults.entries()) {
    const untilMs = Number(spec?.at) + Number(spec?.for);
    if (typeof phaseMs === "number" && untilMs > phaseMs) {
      refuse(["faults", index, "for"], `the fault would end at ${untilMs} ms of a phase of ${phaseMs} ms`);
    }
  }
}

/**
 * A scenario from what its schema made of a file, and the file itself: parameters and limits are kept as they were
 * written, because a plan, which is data too, holds them in the same form.
 */
export function toScenario(file: ScenarioFile, input: unknown): Scenario {
  const written = asWritten.parse(input);
  const { title, hypothesis, load, env, seed } = file;
  const { warmup, baseline, fault, recovery } = file.phases;
  return {
    title,
    hypothesis: hypothesis.trim(),
    load: { ratePerS: load.rate, keys: load.keys, timeoutMs: load.timeout },
    phases: {
      warmup,
      baseline,
      ...(fault === undefined ? {} : { fault }),
      ...(recovery === undefined ? {} : { recovery }),
    },
    env,
    faults: file.faults.map((spec, index) => ({
      kind: spec.kind,
      target: spec.target,
      atMs: spec.at,
      forMs: spec.for,
      params: paramsIn(spec.kind, written.faults[index] ?? {}),
    })),
    slos: written.slos.map(toSlo),
    ...(written.mustFail === undefined ? {} : { mustFail: written.mustFail }),
    seed,
  };
}

type Written = Readonly<Record<string, unknown>>;

/** The parts of a checked file that are kept as they were written. */
const asWritten = z.object({
  faults: z.array(z.record(z.string(), z.unknown())).default([]),
  slos: z.array(z.record(z.string(), z.unknown())),
  mustFail: z
    .union([
      z.object({ without: z.string() }),
      z.object({ slo: z.record(z.string(), z.unknown()).transform((spec) => toSlo(spec)) }),
    ])
    .optional(),
});

function paramsIn(kind: string, written: Written): Written {
  const names = Object.keys(faultsByKind.get(kind)?.params.shape ?? {});
  return Object.fromEntries(Object.entries(written).filter(([key]) => names.includes(key)));
}

function toSlo(written: Written): SloSpec {
  const [name = ""] = sloNamesIn(written);
  return { slo: name, limit: written[name], during: z.array(phase).parse([written.during ?? []].flat()) };
}

function sloNamesIn(spec: Written): string[] {
  return Object.keys(spec).filter((key) => slosByName.has(key) && spec[key] !== undefined);
}
