import { setImmediate as turn } from "node:timers/promises";
import type { Vector } from "../cache/vector.ts";

/** So many numbers are written in a few milliseconds. */
const componentsATurn = 16_384;

/**
 * The items of a response's `data` as the API writes them, with a turn of the event loop after each few: a thousand
 * vectors of 1536 numbers are 31 MB of JSON, and written at once they kept everybody else waiting for half a second.
 */
export async function embeddingsData(vectors: readonly Vector[], base64: boolean): Promise<string> {
  const texts: string[] = [];
  let components = 0;
  for (const [index, vector] of vectors.entries()) {
    const embedding = base64 ? vector.base64() : [...vector.floats()];
    texts.push(JSON.stringify({ object: "embedding", index, embedding }));
    components += vector.dimensions;
    if (components < componentsATurn) continue;
    components = 0;
    await turn();
  }
  return texts.join();
}
