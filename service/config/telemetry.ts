import { z } from "zod";

export const telemetryVariables = z.object({
  BW_LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("of the log on stdout; requests that went well have no line"),
  BW_ACCESS_LOG: z
    .string()
    .min(1)
    .default("off")
    .meta({ values: "`off`, `stdout` or a path" })
    .describe('a line for each request under /v1: "off", "stdout", or the path of a file to append to'),
  BW_ACCESS_LOG_SALT: z
    .string()
    .min(16)
    .optional()
    .meta({ values: "16 characters or more" })
    .describe("a secret; with it the access log tells callers' users apart, by a hash; unset: it does not"),
  BW_TRACING: z
    .enum(["off", "otlp"])
    .default("off")
    .describe("otlp: OpenTelemetry traces of the requests under /v1; needs BW_TRACING_URL"),
  BW_TRACING_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ values: "a URL, http or https" })
    .describe("where a collector takes OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces"),
  BW_TRACING_SHARE: z
    .string()
    .regex(/^(1|0?\.\d{1,9})$/, "must be 1, or a share below it, such as 0.01")
    .transform(Number)
    .prefault("1")
    .meta({ values: "a share up to 1, such as `0.01`" })
    .describe("of the requests that are traced, where the caller's traceparent has not decided it"),
});

export function telemetrySettings(env: z.output<typeof telemetryVariables>) {
  return {
    logLevel: env.BW_LOG_LEVEL,
    accessLog: env.BW_ACCESS_LOG === "off" ? undefined : env.BW_ACCESS_LOG,
    tracing:
      env.BW_TRACING === "otlp" && env.BW_TRACING_URL !== undefined
        ? { url: new URL(env.BW_TRACING_URL), share: env.BW_TRACING_SHARE }
        : undefined,
    clientSalt: env.BW_ACCESS_LOG_SALT,
  };
}
