import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeStepMs, prefillMs, readProfile } from "./profile.ts";

const profile = readProfile();

function near(actual: number, expected: number, share: number): void {
  assert.ok(Math.abs(actual / expected - 1) <= share, `${actual} is not within ${share} of ${expected}`);
}

test("the formula meets the measured points within its stated error", () => {
  // main_table of the profile: median ms.
  const prefills = [
    [128, 6.6938],
    [512, 12.8641],
    [2048, 48.6019],
    [8192, 213.738],
  ] as const;
  for (const [tokens, ms] of prefills) near(prefillMs(tokens, 0, profile), ms, 0.047);
  const decodes = [
    [8, 512, 6.3802],
    [64, 2048, 11.8806],
    [256, 512, 13.6575],
  ] as const;
  for (const [batch, context, ms] of decodes) near(decodeStepMs(batch, batch * context, profile), ms, 0.047);
  near(prefillMs(256, 2048, profile), 9.3498, 0.047);
});

test("cost_examples of the profile: prefill and step of a batch of 32", () => {
  near(prefillMs(512, 0, profile), 13.06, 0.001);
  near(decodeStepMs(32, 32 * (512 + 64), profile), 7.048, 0.001);
});

test("a prompt that is partly held never takes longer than one that is not", () => {
  for (let prompt = 128; prompt <= 16_384; prompt *= 2) {
    for (let held = 0; held < prompt; held += 128) {
      assert.ok(prefillMs(prompt - held, held, profile) <= prefillMs(prompt, 0, profile) + profile.e_ms);
    }
  }
});
