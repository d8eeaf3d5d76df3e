import { z } from "zod";
import { areas } from "./config.ts";

const property = z.looseObject({
  // The test beside this names those that have none.
  description: z.string().default(""),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  /** As the schema has it beside its description, where its limits do not say it. */
  values: z.string().optional(),
});
const schema = z.object({
  properties: z.record(z.string(), property),
  required: z.array(z.string()).default([]),
});

/** Every setting, from the schemas themselves, as docs/configuration.md has it. */
export function configurationReference(): string {
  const chapters = areas.map(([title, variables]) => {
    // What is written, with its default; and what it is read as, with its limits.
    const [written, read] = (["input", "output"] as const).map((io) =>
      schema.parse(z.toJSONSchema(variables, { io, unrepresentable: "any" })),
    );
    const rows = Object.entries(written?.properties ?? {}).map(([name, given]) => {
      const isRequired = written?.required.includes(name);
      const value = given.default === undefined ? (isRequired ? "required" : "unset") : shown(given.default);
      return `| \`${name}\` | ${value} | ${range(given, read?.properties[name])} | ${escaped(given.description)} |`;
    });
    return [
      `## ${title}`,
      "",
      "| variable | default | values | |",
      "| --- | --- | --- | --- |",
      ...rows,
    ].join("\n");
  });
  return `${[head, ...chapters].join("\n\n")}\n`;
}

const head = `# Configuration of the service

<!-- Written by "npm run configuration" from service/config/. Do not edit. -->

Only \`BW_MODEL_URL\` is required: \`BW_MODEL_URL=http://127.0.0.1:8000 node_modules/.bin/node service/main.ts\` starts one replica, and [api.md](api.md) says what to ask it. Under \`npm run chaos -- up\` and in a storm, \`env\` of service/system.yaml and what Breakwater assigns (ports, addresses) outrank your shell: to change a setting there, write it in that file.

The service reads environment variables, once, at its start. A variable that begins with \`BW_\` and is not listed here is an error, and so is a value that is out of its range; all errors are told at once, and the process exits with 1. Values of secrets are never shown. What is switched \`off\` is not there at all, and its other settings have no effect.`;

function shown(value: unknown): string {
  return value === "" ? "empty" : `\`${String(value)}\``;
}

type Property = z.output<typeof property>;

function range(given: Property, read: Property | undefined): string {
  if (given.values !== undefined) return escaped(given.values);
  if (given.enum !== undefined) return given.enum.map((value) => `\`${value}\``).join(", ");
  const { minimum, maximum } = read ?? {};
  return minimum === undefined || maximum === undefined ? "" : `${minimum} to ${maximum}`;
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
