import { constants } from "node:fs";
import { open } from "node:fs/promises";
import path from "node:path";
import type { z } from "zod";
import { BreakwaterError, reasonOf } from "../errors.ts";
import { type System, systemSchema } from "../system/system.ts";
import { faultTimeMistakes } from "./fault-times.ts";
import { scriptMistakes } from "./load-script.ts";
import { settingMistakes } from "./load-settings.ts";
import { check, type Mistake } from "./mistakes.ts";
import type { Scenario } from "./scenario.ts";
import { scenarioSchema } from "./scenario-schema.ts";
import { nameMistakes } from "./system-names.ts";
import { toScenario } from "./to-scenario.ts";
import { type Problem, parseYaml } from "./yaml-text.ts";

/** 1 MiB: no file that a person writes comes near it. */
const maxBytes = 1024 * 1024;
/** More than this help nobody. */
const toldAtMost = 100;

/**
 * Reads a system file; its paths are relative to the folder that it stands in.
 * @throws BreakwaterError FILE_UNREADABLE, or FILE_INVALID with every mistake and its file:line:column
 */
export async function readSystem(file: string): Promise<System> {
  const folder = path.dirname(path.resolve(file));
  const { value } = await readChecked(file, systemSchema, async (input) => [
    ...nameMistakes(input),
    ...(await scriptMistakes(input, folder)),
  ]);
  return { ...value, folder };
}

/**
 * Reads a scenario file; where its system is given, for that.
 * @throws BreakwaterError FILE_UNREADABLE, or FILE_INVALID with every mistake and its file:line:column
 */
export async function readScenario(file: string, system?: System): Promise<Scenario> {
  const { value, input } = await readChecked(file, scenarioSchema, async (input) => [
    ...faultTimeMistakes(input),
    ...(system === undefined ? [] : settingMistakes(input, system.load)),
  ]);
  return toScenario(value, input);
}

/** `across`: finds the mistakes that no part has by itself, in an input that may have others. */
async function readChecked<S extends z.ZodType>(
  file: string,
  schema: S,
  across: (input: unknown) => Promise<readonly Mistake[]>,
): Promise<{ readonly value: z.output<S>; readonly input: unknown }> {
  const yaml = parseYaml(textOf(file, await contentOf(file)));
  if (yaml.input === undefined) throw invalid(file, yaml.problems);
  const checked = check(schema, yaml.input);
  const mistakes = [...(checked.ok ? [] : checked.mistakes), ...(await across(yaml.input))];
  if (checked.ok && mistakes.length === 0 && yaml.problems.length === 0) {
    return { value: checked.value, input: yaml.input };
  }
  throw invalid(file, [
    ...yaml.problems,
    ...mistakes.map((mistake) => ({ ...yaml.place(mistake.path, mistake.of), message: mistake.message })),
  ]);
}

function textOf(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(file, [{ line: 1, column: 1, message: "the file is not text in UTF-8" }], error);
  }
}

async function contentOf(file: string): Promise<Uint8Array> {
  try {
    // Without O_NONBLOCK, opening a FIFO that nobody writes to would wait for ever.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = await handle.stat().then((stat) => {
      if (!stat.isFile()) throw new Error("it is not a regular file");
      return stat;
    });
    if (size > maxBytes) throw new Error(`it has ${size} bytes, and the limit is ${maxBytes}`);
    return await handle.readFile();
  } catch (error) {
    throw new BreakwaterError("BAD_INPUT", "FILE_UNREADABLE", `Cannot read "${file}": ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function invalid(file: string, problems: readonly Problem[], cause?: unknown): BreakwaterError {
  const lines = problems
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
  const told = [...new Set(lines)];
  const shown = told.slice(0, toldAtMost);
  if (told.length > shown.length) shown.push(`and ${told.length - shown.length} more`);
  const count = told.length === 1 ? "1 mistake" : `${told.length} mistakes`;
  return new BreakwaterError(
    "BAD_INPUT",
    "FILE_INVALID",
    [`Cannot use "${file}": ${count}`, ...shown].join("\n  "),
    {
      cause,
    },
  );
}
