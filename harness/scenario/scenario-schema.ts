import { z } from "zod";
import type { AnyFault } from "../faults/fault.ts";
import { phaseNames } from "../journal/event.ts";
import { settingName } from "../system/system.ts";
import { duration, rate } from "../system/units.ts";
import { linkTarget, memberTarget, nothingElseIsWrong, shardTarget } from "./target.ts";
import { faultsByKind, slosByName } from "./vocabulary.ts";

const someTime = duration.refine((ms) => ms > 0, "this has to take some time");

const load = z.strictObject({
  rate: rate.describe("arrivals; they do not wait for answers"),
  keys: z.strictObject({
    distribution: z.enum(["zipf", "uniform"]),
    exponent: z.number().nonnegative().default(1).describe("of the Zipf distribution"),
    count: z.int().positive().describe("how many different requests there are"),
  }),
  timeout: someTime.prefault("3s").describe("after which the load gives a request up"),
  env: z
    .record(settingName, z.string())
    .default({})
    .describe("settings of the script, which the system file lists under load.reads"),
  extra: rate
    .optional()
    .describe("what the script has to send beside the measured requests, on average of each phase, at least"),
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
    case "shard":
      return z.strictObject({ ...common, target: shardTarget });
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
  .refine((spec) => Object.keys(spec).filter((key) => slosByName.has(key)).length === 1, {
    message: `an entry sets one SLO: ${[...slosByName.keys()].join(", ")}`,
    when: nothingElseIsWrong,
  });

const mustFail = z
  .strictObject({
    without: z.string().optional().describe("a switch of the system"),
    slo: slo.optional().describe("an SLO that cannot be met, added to the others"),
  })
  .refine(({ without, slo }) => (without === undefined) !== (slo === undefined), {
    message: "name one change: a switch to go without, or an SLO",
    when: nothingElseIsWrong,
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
  .describe("Breakwater scenario: one experiment");

export type ScenarioFile = z.output<typeof scenarioSchema>;
