import { access } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { Mistake } from "./mistakes.ts";

const withScript = z.object({ load: z.object({ script: z.string() }) });

/** A load script that a system file names and that is not there. */
export async function scriptMistakes(input: unknown, folder: string): Promise<readonly Mistake[]> {
  const script = withScript.safeParse(input).data?.load.script;
  if (script === undefined) return [];
  const file = path.resolve(folder, script);
  return access(file).then(
    () => [],
    () => [{ path: ["load", "script"], of: "value", message: `there is no file "${file}"` }],
  );
}
