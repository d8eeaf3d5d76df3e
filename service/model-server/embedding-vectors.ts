import { createHash } from "node:crypto";

/** The components that an embedding has, unless the request asks for fewer. */
export const embeddingDimensions = 256;

/**
 * The embedding of a text: a vector of length 1, the more alike the more words two texts share.
 *
 * Part of this server's contract, so that a client can tell a right embedding from a wrong one:
 * - The words are the text's runs of letters and digits, in lower case; a text without any is one word itself.
 * - Each word has 256 signs: bit i (from the highest of the first byte on) of the SHA-256 of the UTF-8 JSON text
 *   without white space of `[model, version, word]`, where 1 is plus.
 * - Component i is the sum of all words' signs i. The first `dimensions` of them are divided by their length; if all
 *   of these are 0, the first one is 1.
 */
export function embeddingVector(
  model: string,
  version: string,
  text: string,
  dimensions: number,
): Float32Array {
  const sums = new Float64Array(dimensions);
  for (const word of wordsOf(text)) {
    const signs = createHash("sha256")
      .update(JSON.stringify([model, version, word]))
      .digest();
    for (let i = 0; i < dimensions; i++) {
      sums[i] = (sums[i] ?? 0) + ((signs.readUInt8(i >> 3) >> (7 - (i & 7))) & 1 ? 1 : -1);
    }
  }
  const length = Math.hypot(...sums);
  if (length === 0) sums[0] = 1;
  return Float32Array.from(sums, (sum) => sum / (length === 0 ? 1 : length));
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text];
}
