import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readProfile } from "../latency/profile.ts";
import { replay } from "../strategies/replay.ts";
import { smallLog } from "../strategies/small-log.fixture.ts";
import { strategySchema } from "../strategies/spec.ts";
import { amountsPaid, billOf } from "./bill.ts";
import { genaiPrices } from "./genai-prices.ts";
import { gpuBill, gpuMsByRow } from "./gpu.ts";
import { priceTableSchema, tablePrices } from "./price-table.ts";
import { priceLog } from "./pricing.ts";
import { totalOf } from "./rates.ts";

const source = genaiPrices({ batch: false });
const profile = readProfile();

const rows = fc.array(
  fc.record({
    key: fc.nat(9),
    prompt: fc.integer({ min: 1, max: 300_000 }),
    output: fc.nat(4000),
    cachedShare: fc.double({ min: 0, max: 1, noNaN: true }),
    model: fc.constantFrom("gpt-4o", "claude-sonnet-4-5", "deepseek-chat"),
    at: fc.nat(86_400_000),
  }),
  { minLength: 1, maxLength: 60 },
);

function logOf(
  of: readonly {
    key: number;
    prompt: number;
    output: number;
    cachedShare: number;
    model: string;
    at: number;
  }[],
) {
  return smallLog(
    of
      .toSorted((a, b) => a.at - b.at)
      .map(({ cachedShare, ...row }) => ({ ...row, cached: Math.floor(row.prompt * cachedShare) })),
  );
}

const exact = (capacity: number) =>
  strategySchema.parse({ answers: { match: "exact", tiers: [{ policy: "lru", capacity }] } });

test("money adds up to the cent: parts to the sum, before to after and saving, misses to hits", () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 10 }), (of, capacity) => {
      const log = { ...logOf(of), wallStartMs: Date.UTC(2026, 8, 20) };
      const pricing = priceLog(log, source);
      const course = replay(log, exact(capacity));
      const { before, after, saving } = billOf(log, course, pricing, 0);
      const cent = (usd: number) => Math.round(usd * 100);
      assert.equal(cent(totalOf(amountsPaid(log, pricing, 0))), cent(before.low));
      assert.equal(cent(totalOf(amountsPaid(log, pricing, 0, course))), cent(after.high));
      assert.ok(Math.abs(before.low - after.low - saving.high) < 0.005);
      const hits = pricing.missUsd.low.reduce(
        (sum, usd, row) => (course.outcome[row] === 0 ? sum : sum + usd),
        0,
      );
      assert.ok(Math.abs(hits - saving.low) < 0.005);
    }),
  );
});

test("a hit never costs more than a miss: no exact strategy raises the bill or the GPU time", () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 10 }), (of, capacity) => {
      const log = logOf(of);
      const course = replay(log, exact(capacity), { answerMs: new Float32Array(log.rows).fill(1e6) });
      const { saving } = billOf(log, course, priceLog(log, source), 0);
      assert.ok(saving.low >= -1e-9 && saving.high >= saving.low);
      const inputs = { missMs: gpuMsByRow(log, profile), profile, hourUsd: 3, targetUtilisation: 0.7 };
      const gpu = gpuBill(log, course, inputs, 0);
      assert.ok(gpu.saving.low >= -1e-9 && gpu.afterHours.high <= gpu.beforeHours + 1e-9);
    }),
  );
});

test("hours that the log leaves open give a range, and its own time of day a figure", () => {
  const log = smallLog([{ key: 0, prompt: 1e6, output: 1e6, model: "deepseek-chat" }]);
  const none = strategySchema.parse({});
  const billAt = (wallStartMs: number | undefined) => {
    const at = { ...log, wallStartMs };
    return billOf(at, replay(at, none), priceLog(at, source), 0).before;
  };
  const open = billAt(undefined);
  assert.ok(Math.abs(open.low - 0.685) < 1e-9 && Math.abs(open.high - 1.37) < 1e-9);
  const night = billAt(Date.UTC(2026, 8, 1, 20));
  assert.ok(Math.abs(night.low - 0.685) < 1e-9 && night.low === night.high);
});

test("joined requests make the saving a range", () => {
  const log = smallLog(
    [
      { key: 0, prompt: 1000, output: 100, model: "claude-sonnet-4-5", blocks: [0, 1] },
      { key: 0, prompt: 1000, output: 100, model: "claude-sonnet-4-5", blocks: [0, 1] },
    ],
    500,
  );
  const pricing = priceLog(log, source);
  const joined = billOf(log, replay(log, exact(5), { answerMs: new Float32Array([50, 50]) }), pricing, 0);
  assert.equal(joined.saving.low, 0);
  assert.ok(Math.abs(joined.saving.high - (1000 * 3 + 100 * 15) / 1e6) < 1e-9);
  const prefix = strategySchema.parse({ prefix: { policy: "lru", capacityTokens: 5000 } });
  const { saving } = billOf(log, replay(log, prefix), pricing, 0);
  // Read at 0.30 instead of 3; the first prompt written at 3.75, since the second reads all of it.
  assert.ok(Math.abs(saving.high - (1000 * 2.7 - 1000 * 0.75) / 1e6) < 1e-9);
  assert.ok(Math.abs(saving.low - (1000 * 2.7 - 1000 * 0.75) / 1e6) < 1e-9);
});

test("a block that no later prompt reads is written or not: the saving is a range", () => {
  const model = "claude-sonnet-4-5";
  const log = smallLog(
    [
      { key: 0, prompt: 1500, model, blocks: [0, 1, 2] },
      { key: 1, prompt: 1000, model, blocks: [0, 3] },
      { key: 2, prompt: 500, model, blocks: [0] },
    ],
    500,
  );
  const prefix = strategySchema.parse({ prefix: { policy: "lru", capacityTokens: 5000 } });
  const { saving } = billOf(log, replay(log, prefix), priceLog(log, source), 0);
  // Block 0 is read twice from one write; blocks 1, 2 and 3 are never read.
  assert.ok(Math.abs(saving.high - (2 * 500 * 2.7 - 500 * 0.75) / 1e6) < 1e-9);
  assert.ok(Math.abs(saving.low - (2 * 500 * 2.7 - 2000 * 0.75) / 1e6) < 1e-9);
});

test("a model called like a property of every object has no price in a table", () => {
  const table = tablePrices(priceTableSchema.parse({ source: "x", date: "2026-01-01", models: {} }), {
    batch: false,
  });
  assert.equal(table.rates("constructor", new Date()), undefined);
  assert.equal(table.dependsOnTime("constructor"), false);
});

test("names with a provider, a region or a version in them have the model's price", () => {
  const at = new Date("2026-09-01");
  for (const [name, plain] of [
    ["openai/gpt-4o", "gpt-4o"],
    ["openrouter/openai/gpt-4o", "gpt-4o"],
    ["anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"],
    ["bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"],
    ["vertex_ai/claude-sonnet-4-5@20250929", "claude-sonnet-4-5"],
  ] as const) {
    assert.ok(source.rates(name, at) !== undefined, name);
    assert.equal(source.rates(name, at)?.output.base, source.rates(plain, at)?.output.base, name);
  }
  assert.equal(source.rates("nobody/no-such-model", at), undefined);
});

test("models without a price are named and counted, not guessed", () => {
  const log = smallLog([
    { key: 0, prompt: 10, output: 10, model: "no-such-model" },
    { key: 1, prompt: 10, output: 10 },
  ]);
  const { unpricedModels, unpricedRequests, unpricedTokens } = priceLog(log, source);
  assert.equal(unpricedTokens, 40);
  assert.deepEqual([unpricedModels, unpricedRequests], [["no-such-model", "(no model named)"], 2]);
  assert.equal(priceLog(log, source, "gpt-4o").unpricedRequests, 1);
});
