import type { RequestLog } from "../log/log.ts";
import { outcome, type Replay } from "../strategies/replay.ts";
import { loggedUsage, type Pricing, type RowRates } from "./pricing.ts";
import { type Range, spanOf } from "./range.ts";
import { type Amounts, amountsOf, type Rates, totalOf, type Usage } from "./rates.ts";

/** What the model costs before and after, in US dollars, from a row on. */
export interface Bill {
  readonly before: Range;
  readonly after: Range;
  readonly saving: Range;
}

/** How what the log leaves open is read. */
interface Reading {
  /** A request that comes while its answer is being made pays again. */
  readonly joinedPays: boolean;
  /** Every prompt token that the provider's cache did not have is written to it, where writing is billed. */
  readonly writesAll: boolean;
}

const cautious: Reading = { joinedPays: true, writesAll: true };
const optimistic: Reading = { joinedPays: false, writesAll: false };

/** The bill under a replay. Saving spans the cautious and the optimistic reading, and both ends of the prices. */
export function billOf(log: RequestLog, replay: Replay, pricing: Pricing, from: number): Bill {
  const ends = [
    { rates: pricing.low, missUsd: pricing.missUsd.low },
    ...(pricing.high === pricing.low || pricing.missUsd.high === pricing.missUsd.low
      ? []
      : [{ rates: pricing.high, missUsd: pricing.missUsd.high }]),
  ];
  const before: number[] = [];
  const after: number[] = [];
  const savings: number[] = [];
  for (const { rates, missUsd } of ends) {
    const all = sumFrom(missUsd, from);
    before.push(all);
    for (const reading of [cautious, optimistic]) {
      const left = afterUsd(log, replay, rates, missUsd, reading, from);
      after.push(left);
      savings.push(all - left);
    }
  }
  return { before: spanOf(...before), after: spanOf(...after), saving: spanOf(...savings) };
}

/** The bill by what was paid for, on the cautious reading and the low prices. Without a replay: as logged. */
export function amountsPaid(log: RequestLog, pricing: Pricing, from: number, replay?: Replay): Amounts {
  const sum = { input: 0, cachedInput: 0, cacheWrite: 0, output: 0 };
  for (let row = from; row < log.rows; row++) {
    const rates = pricing.low.rates[pricing.low.of[row] as number];
    if (rates === undefined || (replay !== undefined && !pays(replay, row, cautious))) continue;
    const amounts = amountsOf(usageAfter(log, row, rates, cautious, replay), rates);
    sum.input += amounts.input;
    sum.cachedInput += amounts.cachedInput;
    sum.cacheWrite += amounts.cacheWrite;
    sum.output += amounts.output;
  }
  return sum;
}

function pays(replay: Replay, row: number, { joinedPays }: Reading): boolean {
  const what = replay.outcome[row];
  return what === outcome.miss || (joinedPays && what === outcome.joined);
}

function afterUsd(
  log: RequestLog,
  replay: Replay,
  { rates, of }: RowRates,
  missUsd: Float64Array,
  reading: Reading,
  from: number,
): number {
  let usd = 0;
  for (let row = from; row < log.rows; row++) {
    if (!pays(replay, row, reading)) continue;
    const price = rates[of[row] as number];
    if (replay.reusedTokens === undefined || price === undefined) usd += missUsd[row] as number;
    else usd += totalOf(amountsOf(usageAfter(log, row, price, reading, replay), price));
  }
  return usd;
}

/** Under a prefix strategy the simulated cache takes the place of the provider's as logged: one or the other. */
function usageAfter(
  log: RequestLog,
  row: number,
  rates: Rates,
  { writesAll }: Reading,
  replay: Replay | undefined,
): Usage {
  const logged = loggedUsage(log, row);
  if (replay?.reusedTokens === undefined) return logged;
  const cachedTokens = replay.reusedTokens[row] as number;
  const written = writesAll && rates.billsCacheWrites ? logged.inputTokens - cachedTokens : 0;
  return { ...logged, cachedTokens, cacheWriteTokens: written };
}

function sumFrom(values: Float64Array, from: number): number {
  let sum = 0;
  for (let row = from; row < values.length; row++) sum += values[row] as number;
  return sum;
}
