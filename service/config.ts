import { z } from "zod";

const whole = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(from).max(to));
const ms = whole(0, 86_400_000);
const positiveMs = whole(1, 86_400_000);
const count = whole(1, 1_000_000);
const onOff = z
  .enum(["on", "off"])
  .transform((value) => value === "on")
  .prefault("on");

const address = z
  .string()
  .regex(/^[^\s:]+:\d{1,5}$/, 'an address is "host:port"')
  .transform((text) => ({
    host: text.slice(0, text.lastIndexOf(":")),
    port: Number(text.slice(text.lastIndexOf(":") + 1)),
  }));

/** A comma-separated list; an empty text is an empty list. */
const list = (text: string) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

const apiKey = z
  .string()
  .regex(/^[a-z0-9-]{1,64}:\S+$/, 'a key is written "tenant:key", the tenant in lower case')
  .transform((text) => ({
    tenant: text.slice(0, text.indexOf(":")),
    key: text.slice(text.indexOf(":") + 1),
  }));

function hasCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== "" || url.password !== "");
}

/** Every setting with its default, limit and unit. Variables that are not here are ignored. */
const environment = z.object({
  HOST: z.string().default("127.0.0.1").describe("address to listen on: loopback unless told otherwise"),
  PORT: whole(0, 65_535).prefault("8080").describe("0 takes any free port"),

  REDIS_NODES: z
    .string()
    .default("")
    .transform(list)
    .pipe(z.array(address))
    .describe("startup nodes; empty: no cache"),
  MODEL_URL: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !hasCredentials(text), "must be without user and password: they would be logged")
    .describe("the model server, without /v1"),
  MODEL_NAME: z.string().min(1).default("llama-3-8b"),
  API_KEYS: z
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

  TIMEOUT: onOff.describe("deadline, attempt timeouts and the Redis client's own"),
  BREAKER: onOff,
  BULKHEAD: onOff,
  FALLBACK: onOff,

  DEADLINE_MS: positiveMs
    .prefault("2000")
    .describe("from a request's head to its whole answer, the body's arrival included"),
  REDIS_TIMEOUT_MS: positiveMs.prefault("200").describe("one attempt at Redis; less than the deadline"),
  MODEL_TIMEOUT_MS: positiveMs
    .prefault("1500")
    .describe("one attempt at the model; less than the deadline, to leave room to fall back"),

  REDIS_CONCURRENCY: count.prefault("64").describe("reads under way, a shard"),
  REDIS_WRITE_CONCURRENCY: count.prefault("32").describe("writes under way, a shard; more are dropped"),
  MODEL_CONCURRENCY: count.prefault("100").describe("calls of the model under way"),

  BREAKER_WINDOW_CALLS: count.prefault("20").describe("the latest calls that a breaker looks at"),
  BREAKER_MINIMUM_CALLS: count.prefault("10").describe("fewer results never open a breaker"),
  BREAKER_FAILURE_SHARE: z
    .string()
    .regex(/^0?\.\d{1,9}$/, "must be a share between 0 and 1, such as 0.5")
    .transform(Number)
    .pipe(z.number().gt(0))
    .prefault("0.5"),
  REDIS_BREAKER_OPEN_MS: positiveMs
    .prefault("500")
    .describe("a probe costs one request REDIS_TIMEOUT_MS: cheap, so often"),
  MODEL_BREAKER_OPEN_MS: positiveMs.prefault("1000"),

  CACHE_FRESH_MS: positiveMs
    .prefault("600000")
    .describe("how long an answer is served without asking the model"),
  CACHE_STALE_MS: ms.prefault("3600000").describe("how much longer it may be served when the model is gone"),

  START_WAIT_MS: ms.prefault("10000").describe("how long readiness waits for the first connection to Redis"),
  DRAIN_NOTICE_MS: ms.prefault("250").describe("from failing readiness to no longer accepting connections"),
  DRAIN_MS: ms.prefault("5000").describe("then, how long requests under way may take to finish"),

  MAX_BODY_BYTES: whole(1, 100_000_000).prefault("1048576"),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
});

/** The service's settings. A policy that is switched off has no settings. */
export type Config = ReturnType<typeof shape>;

/** The environment is not a valid configuration. `problems` has all of them. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `Cannot read the configuration from the environment:\n${problems.map((line) => `  ${line}`).join("\n")}`,
    );
    this.problems = problems;
  }
}

/**
 * Reads the configuration.
 *
 * @throws ConfigError with every problem at once
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const parsed = environment.safeParse(env);
  const timeoutProblems = timeoutProblemsIn(env);
  if (parsed.success && timeoutProblems.length === 0) return shape(parsed.data);
  const problems = (parsed.error?.issues ?? []).map(({ path, message }) => {
    const [name = "", ...rest] = path.map(String);
    const where = rest.length === 0 ? "" : ` (item ${rest.join(".")})`;
    return `${name}=${shown(name, env[name] ?? "")}${where}: ${message}`;
  });
  throw new ConfigError([...problems, ...timeoutProblems]);
}

/** A value as an error shows it. What stands before an @ may be a password, also where the rest is no address. */
function shown(name: string, value: string): string {
  return name === "API_KEYS" || value.includes("@") ? "(not shown)" : `"${value}"`;
}

const timeoutSettings = environment.pick({
  TIMEOUT: true,
  DEADLINE_MS: true,
  REDIS_TIMEOUT_MS: true,
  MODEL_TIMEOUT_MS: true,
});

/**
 * Attempts that would outlast the deadline: no attempt timeout would then be seen, no breaker would open, and no
 * time be left to fall back. Apart from the schema, so that these are told with other problems.
 */
function timeoutProblemsIn(env: Readonly<Record<string, string | undefined>>): string[] {
  const { data } = timeoutSettings.safeParse(env);
  if (data === undefined || !data.TIMEOUT) return [];
  return (["REDIS_TIMEOUT_MS", "MODEL_TIMEOUT_MS"] as const)
    .filter((name) => data[name] >= data.DEADLINE_MS)
    .map((name) => `${name}="${data[name]}": must be less than DEADLINE_MS, ${data.DEADLINE_MS}`);
}

function shape(env: z.output<typeof environment>) {
  return {
    listen: { host: env.HOST, port: env.PORT },
    redisNodes: env.REDIS_NODES,
    model: { url: new URL(env.MODEL_URL), name: env.MODEL_NAME },
    apiKeys: env.API_KEYS,
    timeouts: env.TIMEOUT
      ? { deadlineMs: env.DEADLINE_MS, redisMs: env.REDIS_TIMEOUT_MS, modelMs: env.MODEL_TIMEOUT_MS }
      : undefined,
    bulkheads: env.BULKHEAD
      ? {
          redisReads: env.REDIS_CONCURRENCY,
          redisWrites: env.REDIS_WRITE_CONCURRENCY,
          model: env.MODEL_CONCURRENCY,
        }
      : undefined,
    breakers: env.BREAKER
      ? {
          redis: breakerSettings(env, env.REDIS_BREAKER_OPEN_MS),
          model: breakerSettings(env, env.MODEL_BREAKER_OPEN_MS),
        }
      : undefined,
    fallback: env.FALLBACK,
    cache: { freshMs: env.CACHE_FRESH_MS, staleMs: env.CACHE_STALE_MS },
    startWaitMs: env.START_WAIT_MS,
    drain: { noticeMs: env.DRAIN_NOTICE_MS, withinMs: env.DRAIN_MS },
    maxBodyBytes: env.MAX_BODY_BYTES,
    logLevel: env.LOG_LEVEL,
  };
}

function breakerSettings(env: z.output<typeof environment>, openMs: number) {
  return {
    windowCalls: env.BREAKER_WINDOW_CALLS,
    minimumCalls: Math.min(env.BREAKER_MINIMUM_CALLS, env.BREAKER_WINDOW_CALLS),
    failureShare: env.BREAKER_FAILURE_SHARE,
    openMs,
  };
}
