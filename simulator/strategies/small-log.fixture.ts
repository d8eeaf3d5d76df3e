import type { RequestLog } from "../log/log.ts";

/** One row, for logs that are written out by hand. */
export interface SmallRow {
  readonly key: number;
  readonly at?: number;
  readonly normalised?: number;
  readonly prompt?: number;
  readonly output?: number;
  readonly bytes?: number;
  readonly client?: number;
  readonly nearest?: readonly [row: number, score: number];
  readonly blocks?: readonly number[];
  readonly kind?: number;
  readonly latencyMs?: number;
  readonly model?: string;
  readonly tenant?: string;
  readonly cached?: number;
}

/** A log from rows written out; columns that no row gives are left out. For tests. */
export function smallLog(rows: readonly SmallRow[], tokensPerBlock = 16): RequestLog {
  const column = (of: (row: SmallRow, index: number) => number) => Uint32Array.from(rows, of);
  const has = (name: keyof SmallRow) => rows.some((row) => row[name] !== undefined);
  const key = column((row) => row.key);
  const normalisedKey = column((row) => row.normalised ?? row.key);
  const models = [...new Set(rows.map(({ model = "" }) => model))];
  const scopeOf = ({ tenant = "", model = "" }: SmallRow) => `${tenant} ${model}`;
  const scopes = [...new Set(rows.map(scopeOf))];
  const keyScope = new Uint32Array(afterLargest(key));
  for (const row of rows) keyScope[row.key] = scopes.indexOf(scopeOf(row));
  const ids = rows.flatMap(({ blocks = [] }) => blocks);
  const start = new Uint32Array(rows.length + 1);
  for (const [row, { blocks = [] }] of rows.entries())
    start[row + 1] = (start[row] as number) + blocks.length;
  return {
    name: "small",
    rows: rows.length,
    timeMs: Float64Array.from(rows, ({ at }, row) => at ?? row),
    key,
    keys: afterLargest(key),
    ...(scopes.length > 1 ? { keyScope } : {}),
    normalisedKey,
    normalisedKeys: afterLargest(normalisedKey),
    promptTokens: column(({ prompt = 0 }) => prompt),
    outputTokens: column(({ output = 0 }) => output),
    bytes: column(({ bytes = 0 }) => bytes),
    latencyMs: Float32Array.from(rows, ({ latencyMs = Number.NaN }) => latencyMs),
    model: Uint16Array.from(rows, ({ model = "" }) => models.indexOf(model)),
    models,
    wallStartMs: undefined,
    ...(has("client") ? { client: column(({ client = 0 }) => client) } : {}),
    ...(has("cached") ? { cachedTokens: column(({ cached = 0 }) => cached) } : {}),
    ...(has("kind") ? { kind: Uint8Array.from(rows, ({ kind = 0 }) => kind) } : {}),
    ...(has("blocks")
      ? { blocks: { start, ids: Uint32Array.from(ids), blocks: afterLargest(ids), tokensPerBlock } }
      : {}),
    ...(has("nearest")
      ? {
          nearest: {
            row: Int32Array.from(rows, ({ nearest }) => nearest?.[0] ?? -1),
            score: Float32Array.from(rows, ({ nearest }) => nearest?.[1] ?? Number.NaN),
          },
        }
      : {}),
  };
}

function afterLargest(values: Iterable<number>): number {
  let next = 0;
  for (const value of values) next = Math.max(next, value + 1);
  return next;
}
