import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { publishedSchemas } from "../harness/scenario/published-schemas.ts";

const folder = fileURLToPath(new URL("../schemas/", import.meta.url));
await mkdir(folder, { recursive: true });
for (const [name, text] of publishedSchemas()) await writeFile(folder + name, text);
