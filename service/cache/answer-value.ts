import { z } from "zod";
import type { Answer } from "../inference/engine.ts";
import { textHeapBytes, type ValueKind } from "./value-kind.ts";

const said = z.strictObject({
  finishReason: z.string(),
  usage: z
    .strictObject({ prompt_tokens: z.number(), completion_tokens: z.number(), total_tokens: z.number() })
    .optional(),
  provenance: z.string().optional(),
});

/** The object, and the object with its usage. */
const objectBytes = 56 + 48;

/** Answers: their text is the bytes, in UTF-8. */
export const answerKind: ValueKind<Answer> = {
  toParts({ content, finishReason, usage, provenance }) {
    return { meta: { finishReason, usage, provenance }, bytes: Buffer.from(content) };
  },
  fromParts({ meta, bytes }) {
    const { finishReason, usage, provenance } = said.parse(meta);
    const { buffer, byteOffset, byteLength } = bytes;
    return {
      content: Buffer.from(buffer, byteOffset, byteLength).toString(),
      finishReason,
      usage,
      provenance,
    };
  },
  storedBytes: ({ content }) => Buffer.byteLength(content),
  heapBytes: ({ content, finishReason, provenance = "" }) =>
    objectBytes + textHeapBytes(content) + textHeapBytes(finishReason) + textHeapBytes(provenance),
  frozen: (answer) => Object.freeze({ ...answer, usage: answer.usage && Object.freeze({ ...answer.usage }) }),
};
