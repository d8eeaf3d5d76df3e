import assert from "node:assert/strict";
import { test } from "node:test";
import { countOf, partsOf, usageOf } from "./usage.ts";

test("each provider's cached tokens are counted once", () => {
  const cases: [object, [number, number, number, number]][] = [
    [
      { prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 64 } },
      [100, 64, 0, 5],
    ],
    [{ input_tokens: 100, output_tokens: 5, input_tokens_details: { cached_tokens: 64 } }, [100, 64, 0, 5]],
    [
      { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 64, cache_creation_input_tokens: 26 },
      [100, 64, 26, 5],
    ],
    [
      {
        prompt_tokens: 100,
        completion_tokens: 5,
        cache_read_input_tokens: 64,
        cache_creation_input_tokens: 26,
      },
      [100, 64, 26, 5],
    ],
    [
      { prompt_tokens: 100, completion_tokens: 5, prompt_cache_hit_tokens: 64, prompt_cache_miss_tokens: 36 },
      [100, 64, 0, 5],
    ],
    [
      { promptTokenCount: 100, cachedContentTokenCount: 64, candidatesTokenCount: 3, thoughtsTokenCount: 2 },
      [100, 64, 0, 5],
    ],
    [
      { prompt_tokens: 262_960, completion_tokens: 1744, prompt_tokens_details: { cached_tokens: 257_955 } },
      [262_960, 257_955, 0, 1744],
    ],
  ];
  for (const [usage, [prompt, cached, cacheWrite, output]] of cases) {
    assert.deepEqual(usageOf(usage), { prompt, cached, cacheWrite, output });
  }
});

test("what is no usage is none, and parts are never more than the whole", () => {
  for (const value of [undefined, null, 5, "x", [], {}, { total_tokens: 5 }])
    assert.equal(usageOf(value), undefined);
  assert.deepEqual(partsOf(100, 120, 50, 1), { prompt: 100, cached: 100, cacheWrite: 0, output: 1 });
});

test("counts are whole numbers that fit their column", () => {
  assert.deepEqual(
    [5, "7", 1.6, -1, Number.NaN, "x", "", null, 1e20].map(countOf),
    [5, 7, 2, 0, 0, 0, 0, 0, 0xffffffff],
  );
});
