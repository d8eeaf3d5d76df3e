import { type RequestLog, rowKind } from "../log/log.ts";
import type { PriceSource } from "./price-source.ts";
import { amountsOf, type Rates, totalOf, type Usage } from "./rates.ts";

/** Prices by row. Plain data, so that it can be sent to a worker. */
export interface RowRates {
  readonly rates: readonly Rates[];
  /** By row an index into `rates`; `unpriced` where there is no price. */
  readonly of: Uint16Array;
}

const unpriced = 0xffff;

/** A log with a price on every row. */
export interface Pricing {
  readonly source: string;
  readonly date: string;
  /**
   * The two differ where a price depends on the time of day and the log does not say the time: then `low` takes
   * each model's cheapest hour and `high` its dearest.
   */
  readonly low: RowRates;
  readonly high: RowRates;
  /** What a row costs as logged, when the model answers it, in US dollars. The same array where prices are known. */
  readonly missUsd: { readonly low: Float64Array; readonly high: Float64Array };
  /** Models that the source has no price for; their requests count as free. */
  readonly unpricedModels: readonly string[];
  readonly unpricedRequests: number;
  /** Prompt and answer tokens of those requests. */
  readonly unpricedTokens: number;
}

/**
 * Prices a log.
 *
 * @param assumeModel stands in where a row names no model
 */
export function priceLog(log: RequestLog, source: PriceSource, assumeModel?: string): Pricing {
  const names = log.models.map((name) => (name === "" ? (assumeModel ?? "") : name));
  const timed = names.map((name) => name !== "" && source.dependsOnTime(name));
  const low = createRowRates(log.rows);
  const open = log.wallStartMs === undefined && timed.includes(true);
  const high = open ? createRowRates(log.rows) : low;
  const missing = new Set<string>();
  let unpricedRequests = 0;
  let unpricedTokens = 0;
  const tokensOf = (row: number) => (log.promptTokens[row] as number) + (log.outputTokens[row] as number);
  for (let row = 0; row < log.rows; row++) {
    if (log.kind !== undefined && log.kind[row] !== rowKind.request) continue;
    const model = log.model[row] as number;
    const name = names[model] as string;
    if (name === "") {
      unpricedRequests += 1;
      unpricedTokens += tokensOf(row);
      missing.add("(no model named)");
      continue;
    }
    if (open && timed[model] === true) {
      low.set(row, `${name} low`, () => hourly(source, name).at(0));
      high.set(row, `${name} high`, () => hourly(source, name).at(-1));
    } else {
      const at = log.wallStartMs === undefined ? undefined : log.wallStartMs + (log.timeMs[row] as number);
      const minute = timed[model] === true && at !== undefined ? Math.floor(at / 60_000) : undefined;
      const find = () => source.rates(name, at === undefined ? new Date(source.date) : new Date(at));
      const slot = minute === undefined ? name : `${name} ${minute}`;
      low.set(row, slot, find);
      if (open) high.set(row, slot, find);
    }
    if (low.of[row] === unpriced) {
      unpricedRequests += 1;
      unpricedTokens += tokensOf(row);
      missing.add(name);
    }
  }
  const lowUsd = missUsd(log, low);
  return {
    source: source.source,
    date: source.date,
    low: { rates: low.rates, of: low.of },
    high: { rates: high.rates, of: high.of },
    missUsd: { low: lowUsd, high: open ? missUsd(log, high) : lowUsd },
    unpricedModels: [...missing],
    unpricedRequests,
    unpricedTokens,
  };
}

/**
 * The tokens of a row as the log has them. Where a log gives fewer prompt tokens than it says were cached or
 * written, it counted those beside the prompt; the prompt is then taken to be at least their sum.
 */
export function loggedUsage(log: RequestLog, row: number): Usage {
  const cachedTokens = log.cachedTokens?.[row] ?? 0;
  const cacheWriteTokens = log.cacheWriteTokens?.[row] ?? 0;
  return {
    inputTokens: Math.max(log.promptTokens[row] as number, cachedTokens + cacheWriteTokens),
    cachedTokens,
    cacheWriteTokens,
    outputTokens: log.outputTokens[row] as number,
  };
}

function missUsd(log: RequestLog, { rates, of }: RowRates): Float64Array {
  const usd = new Float64Array(log.rows);
  for (let row = 0; row < log.rows; row++) {
    const price = rates[of[row] as number];
    if (price !== undefined) usd[row] = totalOf(amountsOf(loggedUsage(log, row), price));
  }
  return usd;
}

/** Every different price that a day has for the model, by rising price of a request of as much input as output. */
function hourly(source: PriceSource, model: string): Rates[] {
  const found = new Map<string, Rates>();
  for (let half = 0; half < 48; half++) {
    const rates = source.rates(model, new Date(Date.parse(source.date) + half * 1_800_000));
    if (rates !== undefined) found.set(JSON.stringify(rates), rates);
  }
  return [...found.values()].sort((a, b) => a.input.base + a.output.base - (b.input.base + b.output.base));
}

function createRowRates(rows: number) {
  const of = new Uint16Array(rows).fill(unpriced);
  const rates: Rates[] = [];
  const slots = new Map<string, number>();
  const indexes = new Map<string, number>();
  return {
    of,
    rates,
    /** Gives the row the rates of a slot, which are looked up once; equal rates are kept once. */
    set(row: number, slot: string, find: () => Rates | undefined): void {
      let index = slots.get(slot);
      if (index === undefined) {
        const found = find();
        const text = JSON.stringify(found ?? null);
        index = found === undefined ? unpriced : (indexes.get(text) ?? rates.push(found) - 1);
        indexes.set(text, index);
        slots.set(slot, index);
      }
      of[row] = index;
    },
  };
}
