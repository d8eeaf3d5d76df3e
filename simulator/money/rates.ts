/** US dollars per million tokens; above a number of input tokens another price holds for the whole request. */
export interface Rate {
  readonly base: number;
  /** Ascending. A tier's price holds from more input tokens than `aboveTokens`. */
  readonly tiers: readonly { readonly aboveTokens: number; readonly price: number }[];
}

/** What one model costs at one time. */
export interface Rates {
  readonly input: Rate;
  readonly cachedInput: Rate;
  readonly cacheWrite: Rate;
  readonly output: Rate;
  /** Whether writing to the provider's cache has a price of its own. */
  readonly billsCacheWrites: boolean;
}

/** Tokens of one request. The parts that were cached or written are parts of `inputTokens`, never beside it. */
export interface Usage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
}

/** US dollars by what they were paid for. */
export interface Amounts {
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly output: number;
}

/** The price per token for a request of so many input tokens, in US dollars. */
function perToken({ base, tiers }: Rate, inputTokens: number): number {
  let price = base;
  for (const tier of tiers) if (inputTokens > tier.aboveTokens) price = tier.price;
  return price / 1e6;
}

/**
 * What a request costs. Every token is billed once: cached tokens at the cached price, written ones at the price
 * of writing, and only the rest of the input at the price of input.
 *
 * @throws RangeError where the parts of the input are more than the input
 */
export function amountsOf(usage: Usage, rates: Rates): Amounts {
  const { inputTokens, cachedTokens, cacheWriteTokens, outputTokens } = usage;
  const plain = inputTokens - cachedTokens - cacheWriteTokens;
  if (plain < 0) {
    throw new RangeError(
      `Cannot price a request: ${cachedTokens} cached and ${cacheWriteTokens} written tokens are more than its ${inputTokens} input tokens`,
    );
  }
  return {
    input: plain * perToken(rates.input, inputTokens),
    cachedInput: cachedTokens * perToken(rates.cachedInput, inputTokens),
    cacheWrite: cacheWriteTokens * perToken(rates.cacheWrite, inputTokens),
    output: outputTokens * perToken(rates.output, inputTokens),
  };
}

export function totalOf({ input, cachedInput, cacheWrite, output }: Amounts): number {
  return input + cachedInput + cacheWrite + output;
}

/** The same rates at a share of the price, as for a batch discount. */
export function scaled(rates: Rates, share: number): Rates {
  const of = ({ base, tiers }: Rate): Rate => ({
    base: base * share,
    tiers: tiers.map(({ aboveTokens, price }) => ({ aboveTokens, price: price * share })),
  });
  return {
    input: of(rates.input),
    cachedInput: of(rates.cachedInput),
    cacheWrite: of(rates.cacheWrite),
    output: of(rates.output),
    billsCacheWrites: rates.billsCacheWrites,
  };
}
