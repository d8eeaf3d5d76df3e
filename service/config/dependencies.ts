import { z } from "zod";
import { address, count, list, offOn, whole } from "./values.ts";

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
    .meta({ values: "`host:port,…`" })
    .describe("startup nodes; empty: no cache in Redis"),
  BW_REDIS_USERNAME: z
    .string()
    .min(1)
    .optional()
    .meta({ values: "any text" })
    .describe("of an ACL; unset: the user is default"),
  BW_REDIS_PASSWORD: z
    .string()
    .regex(
      /^\S(.*\S)?$/,
      "must not begin or end with a space or a line break, as of the file that it came from",
    )
    .optional()
    .meta({ values: "any text without blanks around it" })
    .describe("unset: nobody logs in"),
  BW_REDIS_TLS: offOn.describe(
    "the nodes' certificates are checked; NODE_EXTRA_CA_CERTS names more authorities",
  ),
  BW_REDIS_MAX_UNANSWERED: count
    .prefault("1000")
    .describe("replies that a connection may owe, also to callers who gave up; more commands are rejected"),
  BW_MODEL_URL: z
    .url({
      protocol: /^https?$/,
      error: ({ input }) =>
        input === undefined
          ? "is required: the model server's address, such as http://127.0.0.1:8000"
          : "must be an address such as http://127.0.0.1:8000",
    })
    .refine((text) => !hasCredentials(text), "must be without user and password: they would be logged")
    .meta({ values: "a URL, http or https" })
    .describe("the model server, without /v1"),
  BW_MODEL_MAX_RESPONSE_BYTES: whole(1024, 1_073_741_824)
    .prefault("33554432")
    .describe(
      "of the body of one response, plain or streamed; a longer one is given to nobody. A thousand embeddings of 1536 dimensions are 8 MiB from an engine that knows base64, and 33 MiB or more as JSON numbers",
    ),
  BW_MODEL_NAME: z
    .string()
    .min(1)
    .default("llama-3-8b")
    .meta({ values: "any text" })
    .describe("the one model that is served; requests for others are answered 404"),
  BW_MODEL_EPOCH: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, "must be 1 to 64 letters, digits and . : _ -")
    .default("1")
    .meta({ values: "1 to 64 of A-Z a-z 0-9 . : _ -" })
    .describe("another one with each new version of the model: answers from before are out of reach at once"),
});

export function dependencySettings(env: z.output<typeof dependencyVariables>) {
  return {
    redis: {
      nodes: env.BW_REDIS_NODES,
      credentials:
        env.BW_REDIS_PASSWORD === undefined
          ? undefined
          : { username: env.BW_REDIS_USERNAME, password: env.BW_REDIS_PASSWORD },
      tls: env.BW_REDIS_TLS ? {} : undefined,
      maxUnanswered: env.BW_REDIS_MAX_UNANSWERED,
    },
    model: {
      url: new URL(env.BW_MODEL_URL),
      maxResponseBytes: env.BW_MODEL_MAX_RESPONSE_BYTES,
      name: env.BW_MODEL_NAME,
      epoch: env.BW_MODEL_EPOCH,
    },
  };
}

/** A user without a password would not be sent, and Redis be asked as another one. */
export function redisProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  return env["BW_REDIS_USERNAME"] !== undefined && env["BW_REDIS_PASSWORD"] === undefined
    ? ["BW_REDIS_USERNAME: has no effect without BW_REDIS_PASSWORD"]
    : [];
}
