import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { calcPrice } from "@pydantic/genai-prices";
import fc from "fast-check";
import { genaiPrices, genaiPricesVersion } from "./genai-prices.ts";
import { priceTableSchema, tablePrices } from "./price-table.ts";
import { amountsOf, type Rates, totalOf, type Usage } from "./rates.ts";

const noon = new Date("2026-09-23T12:00:00Z");
const genai = genaiPrices({ batch: false });

function usage(inputTokens: number, cachedTokens: number, outputTokens: number, cacheWriteTokens = 0): Usage {
  return { inputTokens, cachedTokens, cacheWriteTokens, outputTokens };
}

function cost(model: string, of: Usage, at = noon): number {
  return totalOf(amountsOf(of, known(genai.rates(model, at))));
}

function known(rates: Rates | undefined): Rates {
  assert.ok(rates !== undefined);
  return rates;
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-8, `${actual} instead of ${expected}`);
}

test("litellm#14849: cached tokens once, the tier above 200,000 for the whole request", () => {
  near(cost("gemini-2.5-pro", usage(262_960, 257_955, 1_744)), 0.10316125);
});

test("pi#2148: 20,212 in, 16,298 of them cached, 931 out", () => {
  const table = priceTableSchema.parse({
    source: "pi#2148",
    date: "2026-01-01",
    models: { m: { input: 0.5, cachedInput: 0.05, output: 3 } },
  });
  near(
    totalOf(
      amountsOf(usage(20_212, 16_298, 931), known(tablePrices(table, { batch: false }).rates("m", noon))),
    ),
    0.0055649,
  );
});

test("langfuse#10592: 17,903 tokens are 86 of input and 17,817 of cache, not their sum twice", () => {
  const rates = known(genai.rates("claude-sonnet-4-5", noon));
  const { input, cachedInput } = amountsOf(usage(17_903, 17_817, 0), rates);
  near(input, (86 * 3) / 1e6);
  near(cachedInput, (17_817 * 0.3) / 1e6);
});

test("claude-sonnet-4-5, 1 M in of which 500 k read and 300 k written, 100 k out", () => {
  const amounts = amountsOf(
    usage(1e6, 500_000, 100_000, 300_000),
    known(genai.rates("claude-sonnet-4-5", noon)),
  );
  near(amounts.output, 2.25);
  near(totalOf(amounts), 6);
});

test("deepseek-chat costs less at night (UTC)", () => {
  const at = (hour: string) =>
    cost("deepseek-chat", usage(1e6, 0, 1e6), new Date(`2026-01-05T${hour}:00:00Z`));
  near(at("03"), 1.37);
  near(at("20"), 0.685);
  assert.equal(genai.dependsOnTime("deepseek-chat"), true);
  assert.equal(genai.dependsOnTime("gpt-4o"), false);
});

test("batch: half price from the package, its own prices from a table", () => {
  near(
    totalOf(amountsOf(usage(1e6, 0, 1e6), known(genaiPrices({ batch: true }).rates("gpt-4o", noon)))),
    1.25 + 5,
  );
  const model = { input: 2, output: 8 };
  const table = (entry: object) =>
    tablePrices(
      priceTableSchema.parse({ source: "t", date: "2026-01-01", models: { m: { ...model, ...entry } } }),
      { batch: true },
    );
  const own = known(table({ batch: { input: 1.5, output: 5 } }).rates("m", noon));
  near(totalOf(amountsOf(usage(1e6, 0, 1e6), own)), 6.5);
  assert.throws(() => table({}).rates("m", noon), { code: "NO_PRICES" });
});

test("a table's hours may go over midnight", () => {
  const table = tablePrices(
    priceTableSchema.parse({
      source: "t",
      date: "2026-01-01",
      models: {
        m: { input: 2, output: 2, hours: [{ from: "16:30", to: "00:30", prices: { input: 1, output: 1 } }] },
      },
    }),
    { batch: false },
  );
  const at = (time: string) => known(table.rates("m", new Date(`2026-01-01T${time}:00Z`))).input.base;
  assert.deepEqual(["16:29", "16:30", "23:59", "00:29", "00:30"].map(at), [2, 1, 1, 1, 2]);
});

test("equals the package's own sum for any usage, model and hour", () => {
  const model = fc.constantFrom(
    "gpt-4o",
    "gpt-4",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
    "gemini-2.5-pro",
    "deepseek-chat",
    "o3",
    "gpt-5",
  );
  const tokens = fc.nat(400_000);
  fc.assert(
    fc.property(
      model,
      tokens,
      tokens,
      tokens,
      tokens,
      fc.nat(47),
      (name, plain, cached, written, output, half) => {
        const at = new Date(Date.UTC(2026, 8, 1, 0, half * 30));
        const rates = known(genai.rates(name, at));
        const writes = rates.billsCacheWrites ? written : 0;
        const total = plain + cached + writes;
        const theirs = calcPrice(
          {
            input_tokens: total,
            cache_read_tokens: cached,
            cache_write_tokens: writes,
            output_tokens: output,
          },
          name,
          { timestamp: at },
        );
        near(
          totalOf(amountsOf(usage(total, cached, output, writes), rates)),
          theirs?.total_price ?? Number.NaN,
        );
      },
    ),
    { numRuns: 400 },
  );
});

test("a tier begins above its number of tokens, not at it, as in the package", () => {
  for (const tokens of [199_999, 200_000, 200_001]) {
    const theirs = calcPrice({ input_tokens: tokens }, "gemini-2.5-pro", { timestamp: noon });
    near(cost("gemini-2.5-pro", usage(tokens, 0, 0)), theirs?.total_price ?? Number.NaN);
  }
  near(cost("gemini-2.5-pro", usage(200_000, 0, 0)), 0.25);
  near(cost("gemini-2.5-pro", usage(200_001, 0, 0)), (200_001 * 2.5) / 1e6);
});

test("parts of the input that are more than the input are refused", () => {
  assert.throws(() => amountsOf(usage(5, 10, 0), known(genai.rates("gpt-4o", noon))), RangeError);
});

test("the version that figures name is the installed one", () => {
  const manifest = new URL("../../node_modules/@pydantic/genai-prices/package.json", import.meta.url);
  assert.equal(JSON.parse(readFileSync(manifest, "utf8")).version, genaiPricesVersion);
});
