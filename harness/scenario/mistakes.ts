import { z } from "zod";
import { wordsInstead } from "../nearest-word.ts";

/** A value that its schema refuses, and which it is. */
export interface Mistake {
  readonly path: readonly PropertyKey[];
  /** What of it is wrong. */
  readonly of: "key" | "value";
  readonly message: string;
}

type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** Checks a value against its schema and says all that is wrong at once, with the right word where one is near. */
export function check<S extends z.ZodType>(schema: S, input: unknown): Checked<z.output<S>> {
  // An issue about unknown keys names only these; which are known is in the schema that raised it.
  const knownKeys = new WeakMap<readonly string[], readonly string[]>();
  const parsed = schema.safeParse(input, {
    reportInput: true,
    error: (issue) => {
      if (issue.code === "unrecognized_keys" && issue.inst instanceof z.ZodObject) {
        knownKeys.set(issue.keys, Object.keys(issue.inst.shape));
      }
      return explain(issue);
    },
  });
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, mistakes: parsed.error.issues.flatMap((issue) => mistakesOf(issue, [], knownKeys)) };
}

type KnownKeys = WeakMap<readonly string[], readonly string[]>;

function mistakesOf(
  issue: z.core.$ZodIssue,
  within: readonly PropertyKey[],
  knownKeys: KnownKeys,
): Mistake[] {
  const path = [...within, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: [...path, key],
        of: "key",
        message: `unknown key ${quoted(key)}: ${wordsInstead(key, knownKeys.get(issue.keys) ?? [])}`,
      }));
    case "invalid_union":
      if (issue.errors.length === 0) return [{ path, of: "value", message: issue.message }];
      return nearestBranch(issue.errors).flatMap((inner) => mistakesOf(inner, path, knownKeys));
    case "invalid_key":
      return [{ path, of: "key", message: issue.issues[0]?.message ?? issue.message }];
    default:
      return [{ path, of: "value", message: issue.message }];
  }
}

/** Of the alternatives that a value fails, the one that it resembles most: the one that looked deepest into it. */
function nearestBranch(branches: readonly z.core.$ZodIssue[][]): readonly z.core.$ZodIssue[] {
  const distance = (issues: readonly z.core.$ZodIssue[]): number => {
    const whole = issues.filter((issue) => issue.path.length === 0);
    if (whole.some((issue) => issue.code === "invalid_type")) return 2;
    return whole.some((issue) => issue.code === "invalid_value") ? 1 : 0;
  };
  return branches.toSorted((a, b) => distance(a) - distance(b))[0] ?? [];
}

/** The message for one issue; undefined leaves it to the library. */
function explain(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return missing(issue.path);
      if (issue.inst instanceof z.ZodString && isPlain(issue.input)) {
        const asText = issue.inst.safeParse(String(issue.input));
        return asText.success
          ? `${quoted(issue.input)} is not a text here: put it in quotes`
          : `${quoted(issue.input)} will not do: ${asText.error.issues[0]?.message}`;
      }
      return `expected ${typeNames.get(issue.expected) ?? issue.expected}, found ${quoted(issue.input)}`;
    case "invalid_value":
      if (issue.input === undefined) return missing(issue.path);
      return `${quoted(issue.input)} is not known here: ${wordsInstead(String(issue.input), issue.values.map(String))}`;
    case "invalid_union": {
      if (!("discriminator" in issue) || issue.discriminator === undefined) return undefined;
      const word = discriminatorOf(issue.input, issue.discriminator);
      const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
      const named = `"${issue.discriminator}"`;
      if (word === undefined) return `${named} is missing: ${wordsInstead("", options)}`;
      return `${issue.discriminator} ${quoted(word)} is not known: ${wordsInstead(String(word), options)}`;
    }
    default:
      return undefined;
  }
}

const typeNames: ReadonlyMap<string, string> = new Map([
  ["object", "a map"],
  ["record", "a map"],
  ["array", "a list"],
  ["string", "a text"],
  ["number", "a number"],
  ["int", "a whole number"],
  ["boolean", "true or false"],
]);

function missing(path: readonly PropertyKey[] | undefined): string {
  const key = path?.at(-1);
  return key === undefined ? "there is nothing here" : `"${String(key)}" is missing`;
}

function discriminatorOf(input: unknown, key: string): unknown {
  return typeof input === "object" && input !== null
    ? Object.getOwnPropertyDescriptor(input, key)?.value
    : undefined;
}

function isPlain(value: unknown): value is number | boolean {
  return typeof value === "number" || typeof value === "boolean";
}

function quoted(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return typeof value === "string" ? JSON.stringify(shortened(value)) : String(value);
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
