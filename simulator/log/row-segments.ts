export const rowsPerSegment = 1 << 16;

/** The columns of one stretch of rows. Those that most logs lack come with the first row that has them. */
export class RowSegment {
  readonly timeMs = new Float64Array(rowsPerSegment);
  readonly key = new Uint32Array(rowsPerSegment);
  readonly promptTokens = new Uint32Array(rowsPerSegment);
  readonly outputTokens = new Uint32Array(rowsPerSegment);
  readonly bytes = new Uint32Array(rowsPerSegment);
  readonly latencyMs = new Float32Array(rowsPerSegment);
  readonly model = new Uint16Array(rowsPerSegment);
  /** Of the rows of tenants but the first. */
  tenant: Uint32Array | undefined;
  client: Int32Array | undefined;
  normalisedKey: Int32Array | undefined;
  cachedTokens: Uint32Array | undefined;
  cacheWriteTokens: Uint32Array | undefined;
  kind: Uint8Array | undefined;
  nearestKey: Int32Array | undefined;
  similarity: Float32Array | undefined;
  blockCount: Uint32Array | undefined;
}

type NumberArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** How to make a shared array of one kind. */
export interface ArrayKind<T extends NumberArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: SharedArrayBuffer): T;
}

/**
 * One column of all rows, in the given order or as they were added, in one shared array. A stretch without the
 * column gets `missing`.
 */
export function columnOf<T extends NumberArray>(
  segments: readonly RowSegment[],
  rows: number,
  order: Uint32Array | undefined,
  kind: ArrayKind<T>,
  ofSegment: (segment: RowSegment) => NumberArray | undefined,
  missing: number,
): T {
  const whole = new kind(new SharedArrayBuffer(rows * kind.BYTES_PER_ELEMENT));
  if (order !== undefined) {
    const parts = segments.map(ofSegment);
    for (let row = 0; row < rows; row++) {
      const from = order[row] ?? 0;
      whole[row] = parts[Math.floor(from / rowsPerSegment)]?.[from % rowsPerSegment] ?? missing;
    }
    return whole;
  }
  segments.forEach((segment, i) => {
    const from = i * rowsPerSegment;
    const part = ofSegment(segment);
    if (part === undefined) whole.fill(missing, from, Math.min(rows, from + rowsPerSegment));
    else whole.set(part.subarray(0, Math.min(rowsPerSegment, rows - from)), from);
  });
  return whole;
}
