import { z } from "zod";
import { phaseNames } from "../journal/event.ts";
import type { Plan, PlannedTarget } from "../plan/plan.ts";

const strings = z.array(z.string());
const numbers = z.array(z.number());
const role = z.exactOptional(z.enum(["master", "replica"]));

const target: z.ZodType<PlannedTarget> = z.discriminatedUnion("hits", [
  z.object({ hits: z.literal("nothing") }),
  z.object({ hits: z.literal("member"), of: z.string(), role, ranks: numbers }),
  z.object({ hits: z.literal("link"), from: z.string(), to: z.string(), role, ranks: numbers }),
]);

const slo = z.object({ slo: z.string(), limit: z.unknown(), during: z.array(z.enum(phaseNames)) });

/** plan.json as it is read back. Keys that a later version adds are left out. */
export const recordedPlan: z.ZodType<Plan> = z.object({
  version: z.literal(1),
  scenario: z.string(),
  title: z.string(),
  hypothesis: z.string(),
  system: z.string(),
  substrate: z.string(),
  seed: z.number(),
  without: strings,
  env: z.record(z.string(), z.record(z.string(), z.string())),
  load: z.object({
    script: z.string(),
    reports: strings,
    ratePerS: z.number().positive(),
    keys: z.object({
      distribution: z.enum(["zipf", "uniform"]),
      exponent: z.number(),
      count: z.number(),
    }),
    timeoutMs: z.number(),
    // Runs of before know of neither.
    env: z.record(z.string(), z.string()).default({}),
    reads: strings.default([]),
    extraPerS: z.number().positive().optional(),
    vus: z.number(),
    durationMs: z.number(),
  }),
  phases: z.array(z.object({ phase: z.enum(phaseNames), fromMs: z.number(), untilMs: z.number() })),
  faults: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      target,
      atMs: z.number(),
      forMs: z.number(),
      params: z.record(z.string(), z.unknown()),
    }),
  ),
  slos: z.array(slo),
  mustFail: z.union([z.object({ without: z.string() }), z.object({ slo })]).optional(),
});
