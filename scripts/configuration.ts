import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { configurationReference } from "../service/config/reference.ts";

/*
 * Writes docs/configuration.md; with --check it only compares, and fails where the page is old.
 */
const path = fileURLToPath(new URL("../docs/configuration.md", import.meta.url));
const text = configurationReference();
if (!process.argv.includes("--check")) await writeFile(path, text);
else if ((await readFile(path, "utf8").catch(() => "")) !== text) {
  console.error("docs/configuration.md is not as the settings are: npm run configuration");
  process.exitCode = 1;
}
