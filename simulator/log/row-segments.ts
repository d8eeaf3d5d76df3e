export const rowsPerSegment = 1 << 16;

/** The columns of one stretch of rows. Those that most logs lack come with the first row that has them. */
export interface RowSegment {
  /** How many there are; the columns may have room for more. */
  rows: number;
  timeMs: Float64Array<ArrayBuffer>;
  key: Uint32Array<ArrayBuffer>;
  promptTokens: Uint32Array<ArrayBuffer>;
  outputTokens: Uint32Array<ArrayBuffer>;
  bytes: Uint32Array<ArrayBuffer>;
  latencyMs: Float32Array<ArrayBuffer>;
  model: Uint16Array<ArrayBuffer>;
  tenant: Uint32Array<ArrayBuffer> | undefined;
  client: Int32Array<ArrayBuffer> | undefined;
  normalisedKey: Int32Array<ArrayBuffer> | undefined;
  cachedTokens: Uint32Array<ArrayBuffer> | undefined;
  cacheWriteTokens: Uint32Array<ArrayBuffer> | undefined;
  kind: Uint8Array<ArrayBuffer> | undefined;
  nearestKey: Int32Array<ArrayBuffer> | undefined;
  similarity: Float32Array<ArrayBuffer> | undefined;
  blockCount: Uint32Array<ArrayBuffer> | undefined;
}

const noColumns = {
  tenant: undefined,
  client: undefined,
  normalisedKey: undefined,
  cachedTokens: undefined,
  cacheWriteTokens: undefined,
  kind: undefined,
  nearestKey: undefined,
  similarity: undefined,
  blockCount: undefined,
};

export function emptySegment(): RowSegment {
  return {
    rows: 0,
    timeMs: new Float64Array(rowsPerSegment),
    key: new Uint32Array(rowsPerSegment),
    promptTokens: new Uint32Array(rowsPerSegment),
    outputTokens: new Uint32Array(rowsPerSegment),
    bytes: new Uint32Array(rowsPerSegment),
    latencyMs: new Float32Array(rowsPerSegment),
    model: new Uint16Array(rowsPerSegment),
    ...noColumns,
  };
}

/** The segment with the same memory, without rows. */
export function cleared(segment: RowSegment): RowSegment {
  const { timeMs, key, promptTokens, outputTokens, bytes, latencyMs, model } = segment;
  return { ...noColumns, rows: 0, timeMs, key, promptTokens, outputTokens, bytes, latencyMs, model };
}

/** The segment with columns no longer than its rows, in memory of their own. */
export function trimmed(segment: RowSegment): RowSegment {
  const { rows } = segment;
  return {
    rows,
    timeMs: segment.timeMs.slice(0, rows),
    key: segment.key.slice(0, rows),
    promptTokens: segment.promptTokens.slice(0, rows),
    outputTokens: segment.outputTokens.slice(0, rows),
    bytes: segment.bytes.slice(0, rows),
    latencyMs: segment.latencyMs.slice(0, rows),
    model: segment.model.slice(0, rows),
    tenant: segment.tenant?.slice(0, rows),
    client: segment.client?.slice(0, rows),
    normalisedKey: segment.normalisedKey?.slice(0, rows),
    cachedTokens: segment.cachedTokens?.slice(0, rows),
    cacheWriteTokens: segment.cacheWriteTokens?.slice(0, rows),
    kind: segment.kind?.slice(0, rows),
    nearestKey: segment.nearestKey?.slice(0, rows),
    similarity: segment.similarity?.slice(0, rows),
    blockCount: segment.blockCount?.slice(0, rows),
  };
}

type NumberArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** How to make an array of one kind. */
export interface ArrayKind<T extends NumberArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: SharedArrayBuffer): T;
  new (length: number): T;
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
  const asAdded = order === undefined ? whole : new kind(rows);
  let from = 0;
  for (const segment of segments) {
    const part = ofSegment(segment);
    const end = from + segment.rows;
    if (part === undefined) asAdded.fill(missing, from, end);
    else asAdded.set(part.subarray(0, segment.rows), from);
    from = end;
  }
  if (order !== undefined) {
    for (let row = 0; row < rows; row++) whole[row] = asAdded[order[row] ?? 0] ?? missing;
  }
  return whole;
}
