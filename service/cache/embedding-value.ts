import { z } from "zod";
import { textHeapBytes, type ValueKind } from "./value-kind.ts";
import { Vector } from "./vector.ts";

/** The embedding of one input. */
export interface Embedding {
  readonly vector: Vector;
  /** What the engine says about where it comes from. Opaque here; kept and passed on. */
  readonly provenance: string | undefined;
}

const said = z.strictObject({
  form: z.enum(["float32", "int8"]),
  scale: z.number(),
  provenance: z.string().optional(),
});

/** The objects, and the array buffer with its bookkeeping. Measured, as in memory.ts. */
const objectBytes = 320;

/** Embeddings: their vector's components are the bytes. */
export const embeddingKind: ValueKind<Embedding> = {
  toParts: ({ vector, provenance }) => ({
    meta: { form: vector.form, scale: vector.scale, provenance },
    bytes: vector.bytes(),
  }),
  fromParts({ meta, bytes }) {
    const { form, scale, provenance } = said.parse(meta);
    return { vector: Vector.from(form, scale, bytes), provenance };
  },
  storedBytes: ({ vector }) => vector.byteLength,
  heapBytes: ({ vector, provenance = "" }) => objectBytes + vector.byteLength + textHeapBytes(provenance),
  frozen: ({ vector, provenance }) => Object.freeze({ vector, provenance }),
};
