import { z } from "zod";
import { address, count, list } from "./values.ts";

function hasCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== "" || url.password !== "");
}

/** Where Redis and the model are. */
export const dependencyVariables = z.object({
  BW_REDIS_NODES: z
    .string()
    .default("")
    .transform(list)
    .pipe(z.array(address))
    .describe("startup nodes; empty: no cache in Redis"),
  BW_REDIS_MAX_UNANSWERED: count
    .prefault("1000")
    .describe("replies that a connection may owe, also to callers who gave up; more commands are rejected"),
  BW_MODEL_URL: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !hasCredentials(text), "must be without user and password: they would be logged")
    .describe("the model server, without /v1"),
  BW_MODEL_NAME: z
    .string()
    .min(1)
    .default("llama-3-8b")
    .describe("the one model that is served; requests for others are answered 404"),
  BW_MODEL_EPOCH: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, "must be 1 to 64 letters, digits and . : _ -")
    .default("1")
    .describe("another one with each new version of the model: answers from before are out of reach at once"),
});

export function dependencySettings(env: z.output<typeof dependencyVariables>) {
  return {
    redisNodes: env.BW_REDIS_NODES,
    redisMaxUnanswered: env.BW_REDIS_MAX_UNANSWERED,
    model: { url: new URL(env.BW_MODEL_URL), name: env.BW_MODEL_NAME, epoch: env.BW_MODEL_EPOCH },
  };
}
