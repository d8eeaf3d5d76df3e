import { z } from "zod";
import { phaseNames } from "../journal/event.ts";
import type { Scenario, SloSpec } from "./scenario.ts";
import type { ScenarioFile } from "./scenario-schema.ts";
import { faultsByKind, slosByName } from "./vocabulary.ts";

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
    load: {
      ratePerS: load.rate,
      keys: load.keys,
      timeoutMs: load.timeout,
      env: load.env,
      ...(load.extra === undefined ? {} : { extraPerS: load.extra }),
    },
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
  const name = Object.keys(written).find((key) => slosByName.has(key)) ?? "";
  return {
    slo: name,
    limit: written[name],
    during: z.array(z.enum(phaseNames)).parse([written.during ?? []].flat()),
  };
}
