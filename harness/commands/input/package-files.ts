import { readFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { join } from "node:path";
import { z } from "zod";

const packageFolder = join(import.meta.dirname, "../../..");

/** The scenarios that come with the package. */
export const packagedScenarios = join(packageFolder, "scenarios");

/** The reference service that comes with the package. */
export const packagedSystem = join(packageFolder, "service", "system.yaml");

export async function packageVersion(): Promise<string> {
  const file = findPackageJSON(import.meta.url);
  if (file === undefined) throw new Error("the package's package.json is missing");
  return z.object({ version: z.string() }).parse(JSON.parse(await readFile(file, "utf8"))).version;
}
