import { z } from "zod";

export const telemetryVariables = z.object({
  BW_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
});

export function telemetrySettings(env: z.output<typeof telemetryVariables>) {
  return { logLevel: env.BW_LOG_LEVEL };
}
