import { z } from "zod";
import { httpVariables } from "./http.ts";
import { list, onOff, positiveMs, whole } from "./values.ts";

/** Answers that must no longer be served, before they expire. */
export const invalidationVariables = z.object({
  BW_INVALIDATION: onOff.describe("off: what is cached is served until it expires"),
  BW_INVALIDATION_POLL_MS: positiveMs
    .prefault("1000")
    .describe("how often a replica asks for invalidations that it was not told of: messages are lost"),
  BW_INVALIDATION_MAX_MARKS: whole(10, 1_000_000)
    .prefault("10000")
    .describe(
      "invalidations that are told apart; beyond it, all that is older than the oldest kept is invalid",
    ),
  BW_INVALIDATION_MAX_BLIND_MS: positiveMs
    .optional()
    .describe(
      "a replica that could not ask for so long, or not yet, serves nothing from the cache; at least twice " +
        "BW_INVALIDATION_POLL_MS; unset: it goes on " +
        "serving, from its start on what it made itself, and what was invalidated meanwhile is invalid for it " +
        "when it can ask again",
    ),
  BW_ADMIN_KEYS: z
    .string()
    .optional()
    .transform((text) => (text === undefined ? [] : list(text)))
    .pipe(z.array(z.string().regex(/^\S{8,}$/, "a key has at least 8 characters")))
    .meta({ values: "`key,…`, each of 8 characters or more" })
    .describe(
      "keys that may invalidate a model's answers for all tenants, comma-separated; unset: nobody may",
    ),
});

export function invalidationSettings(env: z.output<typeof invalidationVariables>) {
  return {
    invalidation: env.BW_INVALIDATION
      ? {
          pollMs: env.BW_INVALIDATION_POLL_MS,
          maxMarks: env.BW_INVALIDATION_MAX_MARKS,
          maxBlindMs: env.BW_INVALIDATION_MAX_BLIND_MS,
        }
      : undefined,
    adminKeys: env.BW_ADMIN_KEYS,
  };
}

const keyVariables = z.object({
  BW_API_KEYS: httpVariables.shape.BW_API_KEYS,
  BW_ADMIN_KEYS: invalidationVariables.shape.BW_ADMIN_KEYS,
});

/** A tenant's key that is an admin's as well. Apart from the schema, so that it is told with the others. */
export function invalidationProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  const { data } = keyVariables.safeParse(env);
  const both = data?.BW_API_KEYS?.some(({ key }) => data.BW_ADMIN_KEYS.includes(key)) ?? false;
  return both ? ["BW_ADMIN_KEYS=(not shown): has a key that is a tenant's in BW_API_KEYS"] : [];
}
