import { z } from "zod";

/** What the environment's texts are read as. An empty text is not a zero. */
export const whole = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(from).max(to));

export const ms = whole(0, 86_400_000);
export const positiveMs = whole(1, 86_400_000);
export const count = whole(1, 1_000_000);

export const onOff = z
  .enum(["on", "off"])
  .transform((value) => value === "on")
  .prefault("on");

/** As onOff, and off unless told otherwise. */
export const offOn = z
  .enum(["on", "off"])
  .transform((value) => value === "on")
  .prefault("off");

/** Above 0 and below 1. */
export const share = z
  .string()
  .regex(/^0?\.\d{1,9}$/, "must be a share between 0 and 1, such as 0.5")
  .transform(Number)
  .pipe(z.number().gt(0))
  .meta({ values: "above 0, below 1" });

/** Above 0 and below 1000, such as 1 or 0.5. */
export const factor = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,9})?$/, "must be a number above 0 and below 1000, such as 1 or 0.5")
  .transform(Number)
  .pipe(z.number().gt(0))
  .meta({ values: "above 0, below 1000" });

/** A comma-separated list; an empty text is an empty list. */
export const list = (text: string) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

export const address = z
  .string()
  .regex(/^[^\s:]+:\d{1,5}$/, 'an address is "host:port"')
  .transform((text) => ({
    host: text.slice(0, text.lastIndexOf(":")),
    port: Number(text.slice(text.lastIndexOf(":") + 1)),
  }));
