import { calcPrice, type ModelPrice } from "@pydantic/genai-prices";
import type { PriceSource } from "./price-source.ts";
import { type Rate, type Rates, scaled } from "./rates.ts";

/** The version that package.json pins and the day it was published; fixtures.test.ts holds them together. */
export const genaiPricesVersion = "0.1.8";
const publishedOn = "2026-09-23";

/**
 * What batch processing costs of the standard price. The package has no batch prices; OpenAI, Anthropic and Google
 * each publish half price.
 */
const batchShare = 0.5;

/** Prices of the providers' public lists as kept by genai-prices, read offline from the installed package. */
export function genaiPrices({ batch }: { batch: boolean }): PriceSource {
  const timed = new Map<string, boolean>();
  const lookUp = (model: string, at: Date) => {
    let found: ReturnType<typeof calcPrice> = null;
    for (const name of namesOf(model)) {
      found ??= calcPrice({ input_tokens: 1 }, name, { timestamp: at });
    }
    if (found !== null) timed.set(model, Array.isArray(found.model.prices));
    return found;
  };
  return {
    source: `@pydantic/genai-prices ${genaiPricesVersion}${batch ? ", batch at half price" : ""}`,
    date: publishedOn,
    rates(model, at) {
      const found = lookUp(model, at);
      const rates = found === null ? undefined : ratesFrom(found.model_price);
      return rates !== undefined && batch ? scaled(rates, batchShare) : rates;
    },
    dependsOnTime(model) {
      if (!timed.has(model)) lookUp(model, new Date(publishedOn));
      return timed.get(model) ?? false;
    },
  };
}

/** The name as it is; then without providers in front ("openai/gpt-4o"); then without a cloud's region and version. */
function namesOf(model: string): string[] {
  const names = [model];
  for (let at = model.indexOf("/"); at >= 0; at = model.indexOf("/", at + 1)) names.push(model.slice(at + 1));
  const last = names.at(-1) as string;
  const bare = last
    .replace(/^(us|eu|apac|global|us-gov|jp|au)\./, "")
    .replace(/^(anthropic|meta|amazon|mistral|cohere|deepseek)\./, "")
    .replace(/@[^@]*$/, "")
    .replace(/-v\d+(:\d+)*$/, "");
  return bare === last ? names : [...names, bare];
}

/** A kind of token without a price of its own costs what input costs, as in the package. */
function ratesFrom(price: ModelPrice): Rates | undefined {
  const input = rateFrom(price.input_mtok);
  if (input === undefined) return undefined;
  const cacheWrite = rateFrom(price.cache_write_mtok);
  return {
    input,
    cachedInput: rateFrom(price.cache_read_mtok) ?? input,
    cacheWrite: cacheWrite ?? input,
    output: rateFrom(price.output_mtok) ?? { base: 0, tiers: [] },
    billsCacheWrites: cacheWrite !== undefined,
  };
}

function rateFrom(price: ModelPrice[string]): Rate | undefined {
  if (price === undefined) return undefined;
  if (typeof price === "number") return { base: price, tiers: [] };
  return {
    base: price.base,
    tiers: price.tiers.map(({ start, price: above }) => ({ aboveTokens: start, price: above })),
  };
}
