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
    .describe('a line for each request under /v1: "off", "stdout", or the path of a file to append to'),
  BW_ACCESS_LOG_SALT: z
    .string()
    .min(16)
    .optional()
    .describe("a secret; with it the access log tells callers' users apart, by a hash; unset: it does not"),
});

export function telemetrySettings(env: z.output<typeof telemetryVariables>) {
  return {
    logLevel: env.BW_LOG_LEVEL,
    accessLog: env.BW_ACCESS_LOG === "off" ? undefined : env.BW_ACCESS_LOG,
    clientSalt: env.BW_ACCESS_LOG_SALT,
  };
}
