import { z } from "zod";
import type { policyVariables } from "./policies.ts";
import { count, list, ms, onOff, positiveMs, whole } from "./values.ts";

const apiKey = z
  .string()
  .regex(/^[a-z0-9-]{1,64}:\S+$/, 'a key is written "tenant:key", the tenant in lower case')
  .transform((text) => ({
    tenant: text.slice(0, text.indexOf(":")),
    key: text.slice(text.indexOf(":") + 1),
  }));

/** Listening, who may ask, limits of a request, start and drain. */
export const httpVariables = z.object({
  BW_HOST: z
    .string()
    .default("127.0.0.1")
    .meta({ values: "a host name or an IP address" })
    .describe("address to listen on: loopback unless told otherwise"),
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
    .meta({ values: "`tenant:key,…`" })
    .describe('"tenant:key", comma-separated; unset: any key, tenant "public"; a tenant may have several'),
  BW_TENANT_LIMIT: onOff.describe("the limits of each tenant, a replica; beyond them: 429"),
  BW_TENANT_RATE: count.optional().describe("requests per second in the long run; unset: any rate"),
  BW_TENANT_BURST: count
    .prefault("100")
    .describe("requests that may come at once; where BW_TENANT_RATE is set"),
  BW_TENANT_CONCURRENCY: count
    .optional()
    .describe(
      "requests under way; unset: 1000, and of several tenants each no more than half of BW_SHED_MAX_REQUESTS",
    ),

  BW_MAX_BODY_BYTES: whole(1, 100_000_000).prefault("1048576").describe("of a request's body; more: 413"),
  BW_MAX_HEADER_BYTES: whole(1024, 1_048_576)
    .prefault("16384")
    .describe("of a request's line and headers; more: 431"),
  BW_MAX_HEADERS: whole(1, 10_000).prefault("100").describe("headers of a request; more: 431"),
  BW_HEADERS_TIMEOUT_MS: positiveMs
    .prefault("10000")
    .describe("from a request's first byte to the end of its headers; later: 408"),
  BW_REQUEST_TIMEOUT_MS: positiveMs
    .prefault("30000")
    .describe("from a request's first byte to the end of its body; later: 408"),
  BW_SOCKET_IDLE_MS: positiveMs
    .prefault("120000")
    .describe("how long nothing may move on a connection while a request is under way; then it is closed"),
  BW_KEEP_ALIVE_MS: positiveMs
    .prefault("65000")
    .describe(
      "how long a connection is kept between requests: longer than balancers and clients keep one (60 s is usual), " +
        "or this side closes first, now and then just as a request comes, and a POST is not sent again",
    ),
  BW_MAX_CONNECTIONS: count.prefault("10000").describe("more are closed as they come"),
  BW_MAX_REQUESTS_PER_CONNECTION: count
    .prefault("10000")
    .describe("then the connection is closed with the answer, so that callers spread over new replicas"),
  BW_START_WAIT_MS: ms
    .prefault("10000")
    .describe("how long readiness waits for the first connection to Redis"),
  BW_DRAIN_NOTICE_MS: ms
    .prefault("250")
    .describe(
      "from failing readiness to no longer accepting connections: longer than balancers take to notice",
    ),
  BW_DRAIN_MS: ms
    .prefault("30000")
    .describe(
      "then, how long requests under way may take to finish: no less than BW_DEADLINE_MAX_MS, or the longest are cut " +
        "off; it is over as soon as none is under way",
    ),
});

type Env = z.output<typeof httpVariables> &
  Pick<z.output<typeof policyVariables>, "BW_SHED" | "BW_SHED_MAX_REQUESTS">;

export function httpSettings(env: Env) {
  return {
    listen: { host: env.BW_HOST, port: env.BW_PORT },
    apiKeys: env.BW_API_KEYS,
    tenantLimits: env.BW_TENANT_LIMIT
      ? {
          ratePerSecond: env.BW_TENANT_RATE,
          burst: env.BW_TENANT_BURST,
          concurrency: env.BW_TENANT_CONCURRENCY ?? tenantConcurrency(env),
        }
      : undefined,
    maxBodyBytes: env.BW_MAX_BODY_BYTES,
    httpLimits: {
      maxConnections: env.BW_MAX_CONNECTIONS,
      maxRequestsPerConnection: env.BW_MAX_REQUESTS_PER_CONNECTION,
      maxHeaderBytes: env.BW_MAX_HEADER_BYTES,
      maxHeaders: env.BW_MAX_HEADERS,
      headersTimeoutMs: Math.min(env.BW_HEADERS_TIMEOUT_MS, env.BW_REQUEST_TIMEOUT_MS),
      requestTimeoutMs: env.BW_REQUEST_TIMEOUT_MS,
      keepAliveMs: env.BW_KEEP_ALIVE_MS,
      idleMs: env.BW_SOCKET_IDLE_MS,
    },
    startWaitMs: env.BW_START_WAIT_MS,
    drain: { noticeMs: env.BW_DRAIN_NOTICE_MS, withinMs: env.BW_DRAIN_MS },
  };
}

/** One tenant alone must not be able to fill the service for the others. */
function tenantConcurrency({
  BW_API_KEYS: keys = [],
  BW_SHED: isShedding,
  BW_SHED_MAX_REQUESTS: most,
}: Env): number {
  const usual = 1000;
  const tenants = new Set(keys.map(({ tenant }) => tenant));
  return isShedding && tenants.size > 1 ? Math.min(usual, Math.ceil(most / 2)) : usual;
}
