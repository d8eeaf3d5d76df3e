import { readFile } from "node:fs/promises";
import { z } from "zod";
import { InputError, reasonOf } from "../input-error.ts";
import type { Settings } from "../settings.ts";
import { genaiPrices } from "./genai-prices.ts";
import { assumedInfrastructure, type InfrastructurePrices } from "./infrastructure.ts";
import { priceTableSchema, tablePrices } from "./price-table.ts";

/**
 * The prices that a run is judged by: the package's, or the user's table, with single figures over them.
 *
 * @throws InputError UNREADABLE_PRICES, BAD_PRICES
 */
export async function readPrices(settings: Settings) {
  const { batch, prices: path, gpuHour, redisGibHour, memoryGibHour } = settings;
  const given = {
    ...(gpuHour === undefined ? {} : { gpuHourUsd: gpuHour }),
    ...(redisGibHour === undefined ? {} : { redisGiBHourUsd: redisGibHour }),
    ...(memoryGibHour === undefined ? {} : { memoryGiBHourUsd: memoryGibHour }),
  };
  const withGiven = (base: InfrastructurePrices): InfrastructurePrices =>
    Object.keys(given).length === 0
      ? base
      : { ...base, ...given, source: `${base.source}, and the options given` };
  if (path === undefined)
    return { source: genaiPrices({ batch }), infrastructure: withGiven(assumedInfrastructure) };
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    throw new InputError(
      "UNREADABLE_PRICES",
      `Cannot read prices "${path}": ${reasonOf(thrown)}`,
      "Check the path.",
      thrown,
    );
  }
  const parsed = priceTableSchema.safeParse(parseJson(text, path));
  if (!parsed.success) {
    throw new InputError(
      "BAD_PRICES",
      `Cannot read prices "${path}":\n${z.prettifyError(parsed.error)}`,
      "docs/simulator.md shows a table of prices.",
    );
  }
  const table = parsed.data;
  const { gpuHourUsd, redisGiBHourUsd, memoryGiBHourUsd } = table.infrastructure ?? {};
  const known = {
    ...(gpuHourUsd === undefined ? {} : { gpuHourUsd }),
    ...(redisGiBHourUsd === undefined ? {} : { redisGiBHourUsd }),
    ...(memoryGiBHourUsd === undefined ? {} : { memoryGiBHourUsd }),
  };
  const infrastructure =
    Object.keys(known).length === 0
      ? assumedInfrastructure
      : {
          ...assumedInfrastructure,
          ...known,
          source:
            Object.keys(known).length === 3
              ? table.source
              : `${table.source}; else ${assumedInfrastructure.source}`,
          date: table.date,
        };
  return { source: tablePrices(table, { batch }), infrastructure: withGiven(infrastructure) };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new InputError(
      "BAD_PRICES",
      `Cannot read prices "${path}": ${reasonOf(thrown)}`,
      "It must be JSON.",
      thrown,
    );
  }
}
