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
  /**
   * Every prompt token that the provider's cache did not have is written to it, where writing is billed. Else only
   * what a later prompt reads again: what is read must have been written.
   */
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
  const needed = neededWrites(log, replay);
  for (const { rates, missUsd } of ends) {
    const all = sumFrom(missUsd, from);
    before.push(all);
    for (const reading of [cautious, optimistic]) {
      const left = afterUsd(log, replay, rates, missUsd, reading, from, needed);
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
  needed: Uint32Array,
): number {
  let usd = 0;
  for (let row = from; row < log.rows; row++) {
    if (!pays(replay, row, reading)) continue;
    const price = rates[of[row] as number];
    if (replay.reusedTokens === undefined || price === undefined) usd += missUsd[row] as number;
    else usd += totalOf(amountsOf(usageAfter(log, row, price, reading, replay, needed[row]), price));
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
  needed = 0,
): Usage {
  const logged = loggedUsage(log, row);
  if (replay?.reusedTokens === undefined) return logged;
  const cachedTokens = replay.reusedTokens[row] as number;
  const most = logged.inputTokens - cachedTokens;
  const written = !rates.billsCacheWrites ? 0 : writesAll ? most : Math.min(most, needed);
  return { ...logged, cachedTokens, cacheWriteTokens: written };
}

/** By row: prompt tokens of the blocks that it computed and that a later row reused from it. */
function neededWrites({ rows, blocks }: RequestLog, { outcome: became, reusedBlocks }: Replay): Uint32Array {
  const needed = new Uint32Array(rows);
  if (blocks === undefined || reusedBlocks === undefined) return needed;
  const isReadLater = new Uint8Array(blocks.blocks);
  for (let row = rows - 1; row >= 0; row--) {
    if (became[row] !== outcome.miss) continue;
    const from = blocks.start[row] as number;
    const computedFrom = from + (reusedBlocks[row] as number);
    let count = 0;
    for (let at = computedFrom; at < (blocks.start[row + 1] as number); at++) {
      const id = blocks.ids[at] as number;
      count += isReadLater[id] as number;
      isReadLater[id] = 0;
    }
    for (let at = from; at < computedFrom; at++) isReadLater[blocks.ids[at] as number] = 1;
    needed[row] = count * blocks.tokensPerBlock;
  }
  return needed;
}

function sumFrom(values: Float64Array, from: number): number {
  let sum = 0;
  for (let row = from; row < values.length; row++) sum += values[row] as number;
  return sum;
}
