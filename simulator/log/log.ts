/**
 * A log in columns: row i is the i-th event in time order. Every array may be backed by a
 * SharedArrayBuffer, so that workers read one copy.
 *
 * No text is kept: requests are hashed as they are read, and a row knows only its dense ids.
 */
export interface RequestLog {
  readonly name: string;
  readonly rows: number;
  /** Milliseconds since the first row; never falls. Where the format has no time: all 0. */
  readonly timeMs: Float64Array;
  /**
   * Dense id 0..keys-1, in the order of first appearance, of the exact request (tenant, model, canonical
   * request; or the object of a cache trace). Where the format has no request to tell apart (counts
   * alone), every row has a key of its own.
   */
  readonly key: Uint32Array;
  readonly keys: number;
  /**
   * 32 bits of each key's own hash, for what hashes keys itself (sketches of frequency). For a key that the format
   * names by an integer, its two halves folded into one, as Java's Long.hashCode does it. Absent: the dense id.
   */
  readonly keyHash?: Int32Array;
  /**
   * Dense id of each key's tenant and model: an answer of one scope never serves a request of another. Absent: the
   * log has one tenant and one model.
   */
  readonly keyScope?: Uint32Array;
  /** Dense id of the normalised request (white space, case); the same array as `key` where there is no text. */
  readonly normalisedKey: Uint32Array;
  readonly normalisedKeys: number;
  /** Total prompt tokens, those read from or written to a provider's cache included. 0 where unknown. */
  readonly promptTokens: Uint32Array;
  /** 0 where unknown. */
  readonly outputTokens: Uint32Array;
  /** Size of the stored answer, or of the object of a cache trace. 0 where unknown. */
  readonly bytes: Uint32Array;
  /** Start of the request to the end of its answer. NaN where unknown. */
  readonly latencyMs: Float32Array;
  /** Index into `models`. */
  readonly model: Uint16Array;
  /** Names of the models as the log writes them, in order of first appearance; "" where a row names none. */
  readonly models: readonly string[];
  /** Prompt tokens that the provider reported as read from its own cache: a part of `promptTokens`. */
  readonly cachedTokens?: Uint32Array;
  /** Prompt tokens that the provider reported as written to its own cache: a part of `promptTokens`. */
  readonly cacheWriteTokens?: Uint32Array;
  /** Dense id of who asked (user, session), where the log says: for sticky routing. A row that names none is a client of its own. */
  readonly client?: Uint32Array;
  /** Prefix blocks of each prompt (KV-cache reuse): row i owns ids[start[i] .. start[i + 1]). */
  readonly blocks?: PromptBlocks;
  /** What each row is; see `rowKind`. Absent: all rows are requests. */
  readonly kind?: Uint8Array;
  /** For row i the most similar earlier row and its score, where the log gives it. Row -1 and score NaN: none. */
  readonly nearest?: { readonly row: Int32Array; readonly score: Float32Array };
  /** Unix milliseconds of row 0, where the log says (for prices by time of day). */
  readonly wallStartMs: number | undefined;
}

/** `ids` are dense (0..blocks-1); equal ids mean equal prompts up to the block's end, as in Mooncake's chained hashes. */
export interface PromptBlocks {
  /** rows + 1 entries. */
  readonly start: Uint32Array;
  readonly ids: Uint32Array;
  /** Number of different blocks. */
  readonly blocks: number;
  readonly tokensPerBlock: number;
}

/**
 * The values of `RequestLog.kind`: a row is a request, or an invalidation that drops its key, all keys, or those of its
 * key's tenant and model (`keyScope`).
 */
export const rowKind = { request: 0, dropKey: 1, dropAll: 2, dropScope: 3 } as const;

/** How many of the log's rows are requests. */
export function requestsIn({ kind, rows }: Pick<RequestLog, "kind" | "rows">): number {
  let requests = 0;
  for (let row = 0; row < rows; row++) if (kind === undefined || kind[row] === rowKind.request) requests++;
  return requests;
}

/** All tokens of the log, of prompts and answers. */
export function tokensIn({
  promptTokens,
  outputTokens,
  rows,
}: Pick<RequestLog, "promptTokens" | "outputTokens" | "rows">): number {
  let tokens = 0;
  for (let row = 0; row < rows; row++)
    tokens += (promptTokens[row] as number) + (outputTokens[row] as number);
  return tokens;
}
