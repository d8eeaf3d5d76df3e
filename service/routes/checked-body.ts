import type { z } from "zod";
import { ApiError } from "./api-error.ts";

/** Of what an answer repeats of a request: names may be as long as a body. */
const shownChars = 100;
const shownMessageChars = 200;

/** A body as its schema has it. Throws ApiError 400 for the first field that is wrong. */
export function parsedBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const param = issue?.path.map(String).join(".").slice(0, shownChars);
  const what = param ? `Invalid "${param}"` : "Invalid body";
  const why = issue?.message.slice(0, shownMessageChars);
  throw new ApiError(400, "invalid_request", `${what}: ${why}`, param ? { param } : {});
}

/** Throws ApiError 404 for a model that is not among those that are served. */
export function checkServed(model: string, served: readonly string[]): void {
  if (served.includes(model)) return;
  throw new ApiError(404, "model_not_found", `The model "${model.slice(0, shownChars)}" does not exist`, {
    param: "model",
  });
}
