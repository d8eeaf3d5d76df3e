import { z } from "zod";
import { list, ms, whole } from "./values.ts";

const apiKey = z
  .string()
  .regex(/^[a-z0-9-]{1,64}:\S+$/, 'a key is written "tenant:key", the tenant in lower case')
  .transform((text) => ({
    tenant: text.slice(0, text.indexOf(":")),
    key: text.slice(text.indexOf(":") + 1),
  }));

/** Listening, who may ask, limits of a request, start and drain. */
export const httpVariables = z.object({
  BW_HOST: z.string().default("127.0.0.1").describe("address to listen on: loopback unless told otherwise"),
  BW_PORT: whole(0, 65_535).prefault("8080").describe("0 takes any free port"),
  BW_API_KEYS: z
    .string()
    .optional()
    .transform((text) => (text === undefined ? undefined : list(text)))
    .pipe(
      z
        .array(apiKey)
        .min(1)
        .refine(
          (keys) => new Set(keys.map(({ key }) => key)).size === keys.length,
          "a key may be given only once: it tells whose request it is",
        )
        .optional(),
    )
    .describe('"tenant:key", comma-separated; unset: any key, tenant "public"'),
  BW_MAX_BODY_BYTES: whole(1, 100_000_000).prefault("1048576"),
  BW_START_WAIT_MS: ms
    .prefault("10000")
    .describe("how long readiness waits for the first connection to Redis"),
  BW_DRAIN_NOTICE_MS: ms
    .prefault("250")
    .describe("from failing readiness to no longer accepting connections"),
  BW_DRAIN_MS: ms.prefault("5000").describe("then, how long requests under way may take to finish"),
});

export function httpSettings(env: z.output<typeof httpVariables>) {
  return {
    listen: { host: env.BW_HOST, port: env.BW_PORT },
    apiKeys: env.BW_API_KEYS,
    maxBodyBytes: env.BW_MAX_BODY_BYTES,
    startWaitMs: env.BW_START_WAIT_MS,
    drain: { noticeMs: env.BW_DRAIN_NOTICE_MS, withinMs: env.BW_DRAIN_MS },
  };
}
