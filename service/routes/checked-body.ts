import type { z } from "zod";
import { ApiError } from "./api-error.ts";

/** Of what an answer repeats of a request: names may be as long as a body. */
const shownChars = 100;
const shownMessageChars = 200;

type Issue = z.core.$ZodIssue;

/** A body as its schema has it. Throws ApiError 400 for the first field that is wrong. */
export function parsedBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body, { reportInput: true });
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  if (first === undefined) throw new ApiError(400, "invalid_request", "The body is not what it must be");
  const issue = meant(first);
  const param = issue.path.map(String).join(".").slice(0, shownChars);
  const message = textOf(issue, param ? `"${param}"` : "the body");
  throw new ApiError(
    400,
    "invalid_request",
    message.slice(0, shownChars + shownMessageChars),
    param ? { param } : {},
  );
}

/** Of the forms that a value may have, what is wrong with the one whose type it has, where it has one's. */
function meant(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors
    .flatMap(([first]) => first ?? [])
    .find(({ code, path }) => code !== "invalid_type" || path.length > 0);
  return inner === undefined ? issue : meant({ ...inner, path: [...issue.path, ...inner.path] });
}

/** As the OpenAI API says it, by what callers write: JSON. */
function textOf(issue: Issue, name: string): string {
  switch (issue.code) {
    case "invalid_type":
      return typeText(name, [issue.expected], issue.input);
    case "invalid_union": {
      // Told apart by one field, of which only some values are known.
      if ("options" in issue && issue.options !== undefined)
        return `Invalid value for ${name}: ${oneOf(issue.options)}`;
      const expected = issue.errors.flatMap(([first]) =>
        first?.code === "invalid_type" ? first.expected : [],
      );
      return typeText(name, expected, issue.input);
    }
    case "invalid_value":
      if (issue.input === undefined) return missing(name);
      return `Invalid value for ${name}: ${oneOf(issue.values)}`;
    case "too_small":
      return `Invalid value for ${name}: expected ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}${unitOf(issue.origin)}`;
    case "too_big":
      return `Invalid value for ${name}: expected ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}${unitOf(issue.origin)}`;
    case "unrecognized_keys":
      return `Unrecognized fields in ${name}: ${issue.keys.join(", ")}`;
    default:
      return `Invalid value for ${name}: ${issue.message}`;
  }
}

const missing = (name: string) => `Missing required parameter: ${name}`;

function typeText(name: string, expected: readonly string[], input: unknown): string {
  if (input === undefined) return missing(name);
  const types = expected.map((type) => typeNames[type] ?? type).join(" or ");
  return `Invalid type for ${name}: expected ${types}, but got ${typeNameOf(input)} instead`;
}

const oneOf = (values: readonly unknown[]) =>
  `expected ${values.length > 1 ? "one of " : ""}${values.map((value) => JSON.stringify(value)).join(", ")}`;

const typeNames: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "an integer",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  record: "an object",
};

function typeNameOf(input: unknown): string {
  if (input === null) return "null";
  if (Array.isArray(input)) return "an array";
  return typeNames[typeof input] ?? typeof input;
}

function unitOf(origin: string): string {
  if (origin === "array") return " items";
  return origin === "string" ? " characters" : "";
}

/** Throws ApiError 404 for a model that is not among those that are served. */
export function checkServed(model: string, served: readonly string[]): void {
  if (served.includes(model)) return;
  throw new ApiError(404, "model_not_found", `The model "${model.slice(0, shownChars)}" does not exist`, {
    param: "model",
  });
}
