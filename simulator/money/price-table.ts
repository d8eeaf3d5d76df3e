import { z } from "zod";
import { InputError } from "../input-error.ts";
import type { PriceSource } from "./price-source.ts";
import { type Rate, type Rates, scaled } from "./rates.ts";

const usdPerMTok = z.number().nonnegative();
const rate = z
  .union([
    usdPerMTok.transform((base) => ({ base, tiers: [] })),
    z.strictObject({
      base: usdPerMTok,
      tiers: z.array(z.strictObject({ aboveTokens: z.int().positive(), price: usdPerMTok })),
    }),
  ])
  .transform(
    ({ base, tiers }): Rate => ({ base, tiers: tiers.toSorted((a, b) => a.aboveTokens - b.aboveTokens) }),
  );

const prices = z.strictObject({
  input: rate,
  cachedInput: rate.optional(),
  cacheWrite: rate.optional(),
  output: rate,
});

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day is "HH:MM", in UTC');

/** The user's own prices, in US dollars per million tokens. */
export const priceTableSchema = z.strictObject({
  source: z.string().min(1),
  date: z.iso.date(),
  models: z.record(
    z.string(),
    prices.extend({
      /** Batch prices; absent: `batchShare` of the standard ones. */
      batch: prices.optional(),
      batchShare: z.number().gt(0).max(1).optional(),
      /** Other prices from one time of day to another (UTC); a span may go over midnight. */
      hours: z.array(z.strictObject({ from: clock, to: clock, prices })).default([]),
    }),
  ),
  infrastructure: z
    .strictObject({
      gpuHourUsd: z.number().nonnegative().optional(),
      redisGiBHourUsd: z.number().nonnegative().optional(),
      memoryGiBHourUsd: z.number().nonnegative().optional(),
    })
    .optional(),
});

export type PriceTable = z.output<typeof priceTableSchema>;

/** @throws InputError `NO_PRICES` where batch prices are asked for and the table has none for a model */
export function tablePrices(table: PriceTable, { batch }: { batch: boolean }): PriceSource {
  // A model may be called like a property that every object has.
  const entryOf = (model: string) => (Object.hasOwn(table.models, model) ? table.models[model] : undefined);
  return {
    source: `${table.source}${batch ? ", batch" : ""}`,
    date: table.date,
    rates(model, at) {
      const entry = entryOf(model);
      if (entry === undefined) return undefined;
      if (batch && entry.batch !== undefined) return ratesFrom(entry.batch);
      const minute = at.getUTCHours() * 60 + at.getUTCMinutes();
      const span = entry.hours.find(({ from, to }) => isWithin(minute, minuteOf(from), minuteOf(to)));
      const rates = ratesFrom(span?.prices ?? entry);
      if (!batch) return rates;
      if (entry.batchShare !== undefined) return scaled(rates, entry.batchShare);
      throw new InputError(
        "NO_PRICES",
        `Cannot price model "${model}" in batch: the table has neither "batch" nor "batchShare" for it`,
        "Add one of them, or leave --batch out.",
      );
    },
    dependsOnTime: (model) => (entryOf(model)?.hours.length ?? 0) > 0,
  };
}

function ratesFrom({ input, cachedInput, cacheWrite, output }: z.output<typeof prices>): Rates {
  return {
    input,
    cachedInput: cachedInput ?? input,
    cacheWrite: cacheWrite ?? input,
    output,
    billsCacheWrites: cacheWrite !== undefined,
  };
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function isWithin(minute: number, from: number, to: number): boolean {
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
}
