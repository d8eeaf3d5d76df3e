import { z } from "zod";

const msPerUnit = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const durationPattern = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)$/;
const ratePattern = /^(\d+(?:\.\d+)?)\/(s|m)$/;
const sharePattern = /^(\d+(?:\.\d+)?)%$/;

/** `250ms`, `15s`, `2m` → milliseconds. */
export const duration = z
  .string()
  .regex(durationPattern, "a duration has a unit, such as 250ms, 15s or 2m")
  .transform((text) => {
    const [, amount, unit] = durationPattern.exec(text) ?? [];
    return Number(amount) * msPerUnit[unit as keyof typeof msPerUnit];
  });

/** `200/s`, `600/m` → arrivals per second. */
export const rate = z
  .string()
  .regex(ratePattern, "a rate has a unit, such as 200/s")
  .transform((text) => {
    const [, amount, unit] = ratePattern.exec(text) ?? [];
    return Number(amount) / (unit === "m" ? 60 : 1);
  })
  .refine((perS) => perS > 0, "a rate is more than 0");

/** `99.9%` → 0.999. */
export const share = z
  .string()
  .regex(sharePattern, "a share is a percentage, such as 99.9%")
  .transform((text) => Number(sharePattern.exec(text)?.[1]) / 100)
  .refine((value) => value <= 1, "a share is at most 100%");
