import { readFile } from "node:fs/promises";
import { InputError, reasonOf } from "../input-error.ts";
import type { RequestLog } from "../log/log.ts";
import type { Settings } from "../settings.ts";
import { normalise } from "./similarity.ts";

/** Reads little-endian 32-bit floats, one vector a row of the log in order of time; a key has its first row's. Throws InputError. */
export async function readVectors(log: RequestLog, { embeddings: path, dimensions }: Settings) {
  if (path === undefined || dimensions === undefined) return undefined;
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (thrown) {
    throw new InputError(
      "BAD_EMBEDDINGS",
      `Cannot read embeddings "${path}": ${reasonOf(thrown)}`,
      "Check the path.",
      thrown,
    );
  }
  if (bytes.length !== log.rows * dimensions * 4) {
    throw new InputError(
      "BAD_EMBEDDINGS",
      `Cannot use embeddings "${path}": ${bytes.length} bytes are not ${log.rows} rows of ${dimensions} 32-bit numbers`,
      "Give one vector for each row of the log, in order of time.",
    );
  }
  const values = new Float32Array(log.keys * dimensions);
  const seen = new Uint8Array(log.keys);
  for (let row = 0; row < log.rows; row++) {
    const key = log.key[row] as number;
    if (seen[key] === 1) continue;
    seen[key] = 1;
    const vector = values.subarray(key * dimensions, (key + 1) * dimensions);
    for (let i = 0; i < dimensions; i++) vector[i] = bytes.readFloatLE((row * dimensions + i) * 4);
    normalise(vector);
  }
  return { values, dimensions };
}
