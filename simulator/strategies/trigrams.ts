import { normalise } from "./similarity.ts";

const dimensions = 512;

/**
 * Vectors of hashed character trigrams: near for texts that share spelling, blind to meaning. For trials without a
 * model; its scores say nothing of what an embedding model would find.
 */
export const trigrams = {
  name: "trigrams",
  dimensions,
  embed: async (texts: readonly string[]): Promise<Float32Array> => {
    const values = new Float32Array(texts.length * dimensions);
    for (const [number, text] of texts.entries()) {
      const vector = values.subarray(number * dimensions, (number + 1) * dimensions);
      const padded = `  ${text.toLowerCase().replace(/\s+/gu, " ").trim()}  `;
      for (let at = 0; at + 3 <= padded.length; at++) {
        let hash = 0x811c9dc5;
        for (let i = at; i < at + 3; i++) hash = Math.imul(hash ^ padded.charCodeAt(i), 0x01000193);
        const bucket = (hash >>> 1) % dimensions;
        vector[bucket] = (vector[bucket] as number) + ((hash & 1) === 0 ? 1 : -1);
      }
      normalise(vector);
    }
    return values;
  },
};
