import { z } from "zod";
import { systemSchema } from "../system/system.ts";
import { scenarioSchema } from "./scenario-schema.ts";

/** The files of `schemas/`, by name: what an editor needs to check and complete a user's files. */
export function publishedSchemas(): ReadonlyMap<string, string> {
  return new Map([
    ["scenario.schema.json", jsonSchema(scenarioSchema)],
    ["system.schema.json", jsonSchema(systemSchema)],
  ]);
}

function jsonSchema(schema: z.ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { io: "input" }), undefined, 2)}\n`;
}
