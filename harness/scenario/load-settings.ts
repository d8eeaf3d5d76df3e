import { z } from "zod";
import { wordsInstead } from "../nearest-word.ts";
import type { System } from "../system/system.ts";
import type { Mistake } from "./mistakes.ts";

const withSettings = z.object({ load: z.object({ env: z.record(z.string(), z.unknown()) }) });

/**
 * Settings that the load script does not read: the load would be another one than the scenario asks for, and nobody
 * would see it.
 */
export function settingMistakes(input: unknown, { script, reads }: System["load"]): readonly Mistake[] {
  const env = withSettings.safeParse(input).data?.load.env ?? {};
  return Object.keys(env)
    .filter((name) => !reads.includes(name))
    .map((name) => ({
      path: ["load", "env", name],
      of: "key",
      message: `"${script}" does not read "${name}", or load.reads of its system file does not list it: ${wordsInstead(name, reads)}`,
    }));
}
