import { readFileSync } from "node:fs";
import { z } from "zod";

const coefficient = z.object({ value: z.number() }).transform(({ value }) => value);

const profileSchema = z
  .object({
    fit: z.object({
      coefficients_cudnn: z.object({
        t0_ms: coefficient,
        w_ms: coefficient,
        b_ms_per_token: coefficient,
        p: coefficient,
        a_ms_per_million_pairs: coefficient,
        g_ms_per_1000_tokens: coefficient,
        e_ms: coefficient,
        k_ms_per_1000_kv_tokens: coefficient,
        h_ms_per_sequence: coefficient,
      }),
      off_grid_factor: z.object({ mean: z.number() }),
    }),
  })
  .transform(({ fit }) => ({ ...fit.coefficients_cudnn, off_grid_factor: fit.off_grid_factor.mean }));

/** Coefficients of the step formula in profile/README.md, under the names that the profile gives them. */
export type Profile = z.output<typeof profileSchema>;

/** A part of a prompt that one step processes. */
export interface PromptPart {
  readonly newTokens: number;
  /** Tokens of the same prompt that earlier steps have processed. */
  readonly cachedTokens: number;
}

/** What one step of the engine does. */
export interface StepWork {
  readonly prompts: readonly PromptPart[];
  /** Sequences that get their next token. */
  readonly decoding: number;
  /** Sum of the contexts of these sequences, in tokens. */
  readonly decodingContext: number;
}

/** Reads the measured profile that lies beside this file. Throws where it lacks a coefficient. */
export function readProfile(): Profile {
  const file = new URL("./profile/h100-llama3-8b-bf16.json", import.meta.url);
  return profileSchema.parse(JSON.parse(readFileSync(file, "utf8")));
}

/** GPU time of one step in ms; profile/README.md has the formula and its errors. */
export function stepMs(work: StepWork, profile: Profile): number {
  const { t0_ms: t0, w_ms: w, b_ms_per_token: b, p } = profile;
  let tokens = work.decoding;
  let pairs = 0;
  let longest = 0;
  let hasCached = false;
  for (const { newTokens, cachedTokens } of work.prompts) {
    tokens += newTokens;
    pairs += newTokens * cachedTokens + (newTokens * (newTokens + 1)) / 2;
    longest = Math.max(longest, cachedTokens + newTokens / 2);
    hasCached ||= cachedTokens > 0;
  }
  const onGrid = tokens <= 256 || tokens % 128 === 0;
  const linear = (w ** p + (b * tokens) ** p) ** (1 / p) * (onGrid ? 1 : profile.off_grid_factor);
  const attention = Math.max(
    (profile.a_ms_per_million_pairs * pairs) / 1e6,
    (profile.g_ms_per_1000_tokens * longest) / 1000,
  );
  return (
    t0 +
    linear +
    attention +
    (hasCached ? profile.e_ms : 0) +
    (profile.k_ms_per_1000_kv_tokens * work.decodingContext) / 1000 +
    profile.h_ms_per_sequence * work.decoding
  );
}
