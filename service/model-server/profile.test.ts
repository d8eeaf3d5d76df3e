import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { readProfile, type StepWork, stepMs } from "./profile.ts";

const point = z.object({
  attention: z.string().optional(),
  linear: z.string().optional(),
  prefill_batch: z.number().optional(),
  new_tokens: z.number().default(0),
  cached_tokens: z.number().default(0),
  decode_batch: z.number().default(0),
  context: z.number().default(0),
  median_ms: z.number(),
});
const stated = z.object({ points: z.number(), mean_abs_pct: z.number(), max_abs_pct: z.number() });

const measured = z
  .object({
    points: z.record(z.string(), z.array(point)),
    fit: z.object({ errors: z.record(z.string(), stated) }),
  })
  .parse(JSON.parse(readFileSync(new URL("./profile/h100-llama3-8b-bf16.json", import.meta.url), "utf8")));

function work(of: z.output<typeof point>): StepWork {
  const prompts = of.new_tokens === 0 ? 0 : (of.prefill_batch ?? 1);
  return {
    prompts: Array.from({ length: prompts }, () => ({
      newTokens: of.new_tokens,
      cachedTokens: of.cached_tokens,
    })),
    decoding: of.decode_batch,
    decodingContext: of.decode_batch * of.context,
  };
}

/** The main attention variant, with the linear layers that the coefficients are for. */
function pointsOf(series: string): z.output<typeof point>[] {
  return (measured.points[series] ?? []).filter(
    (each) => (each.attention ?? "cudnn") === "cudnn" && each.linear === undefined,
  );
}

for (const [series, errors] of [
  ["prefill", "prefill, nothing cached (fitted)"],
  ["decode", "decode (fitted)"],
  ["cached_prefix", "prefill with cached prefix (fitted)"],
  ["prompt_length_sweep", "sweep of 88 prompt lengths, u=1.06 (u was read off these points)"],
] as const) {
  test(`the formula is as near to the points of "${series}" as the profile states`, () => {
    const limit = stated.parse(measured.fit.errors[errors]);
    const profile = readProfile();
    const off = pointsOf(series).map((each) => Math.abs(stepMs(work(each), profile) / each.median_ms - 1));
    assert.equal(off.length, limit.points);
    // The stated errors are rounded to 0.01 %, and u to 1.06 where the file's mean is 1.061.
    const meanPct = (100 * off.reduce((sum, each) => sum + each, 0)) / off.length;
    assert.ok(Math.abs(meanPct - limit.mean_abs_pct) < 0.05, `mean error is ${meanPct} %`);
    assert.ok(
      100 * Math.max(...off) < limit.max_abs_pct + 0.1,
      `largest error is ${100 * Math.max(...off)} %`,
    );
  });
}

test("steps that mix prompts and decoding are within the error stated for held-out ones", () => {
  const profile = readProfile();
  const off = pointsOf("mixed").map((each) => Math.abs(stepMs(work(each), profile) / each.median_ms - 1));
  assert.equal(off.length, 12);
  assert.ok(Math.max(...off) < 0.06);
  assert.ok(off.reduce((sum, each) => sum + each, 0) / off.length < 0.0185);
});
