import { z } from "zod";
import type { Answer } from "../inference/engine.ts";

/** What an answer counts as against the largest that is stored: its text, in UTF-8. */
export function answerBytes({ content }: Answer): number {
  return Buffer.byteLength(content);
}

/** An answer as it is stored. */
export const answerValue: z.ZodType<Answer> = z
  .strictObject({
    content: z.string(),
    finishReason: z.string(),
    usage: z
      .strictObject({ prompt_tokens: z.number(), completion_tokens: z.number(), total_tokens: z.number() })
      .optional(),
    provenance: z.string().optional(),
  })
  .transform(({ content, finishReason, usage, provenance }) => ({
    content,
    finishReason,
    usage,
    provenance,
  }));
