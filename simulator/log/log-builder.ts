import { GrowingIds } from "./growing-ids.ts";
import { Hash128 } from "./hash.ts";
import { Interner } from "./interner.ts";
import { type PromptBlocks, type RequestLog, rowKind } from "./log.ts";
import { LogError } from "./log-error.ts";
import { cleared, columnOf, emptySegment, type RowSegment, rowsPerSegment, trimmed } from "./row-segments.ts";
import { TextIds } from "./text-ids.ts";

/** One row on its way into the log. A reader fills what its format knows and leaves the rest. */
export interface Row {
  /** Milliseconds, of the Unix epoch or of the log's own start; NaN: as the row before. */
  timeMs: number;
  key: number;
  /** -1: the format has no text to normalise. */
  normalisedKey: number;
  /** Id in `tenants`. */
  tenant: number;
  /** Id in `clients`, or -1: the row names none. */
  client: number;
  promptTokens: number;
  outputTokens: number;
  bytes: number;
  latencyMs: number;
  model: number;
  cachedTokens: number;
  cacheWriteTokens: number;
  /** One of rowKind. */
  kind: number;
  /** Key of the most similar earlier request, or -1. */
  nearestKey: number;
  similarity: number;
}

/** The times of rows in the order in which they were added; NaN where none has one. */
export interface TimeRange {
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  readonly inOrder: boolean;
}

/** -1 as a Uint32Array holds it. */
const noClient = 0xffffffff;
const noScope = 0xffffffff;
/** The rows that have the tenant and model of their key; other invalidations need not. */
const ofKeysScope: ReadonlySet<number> = new Set([rowKind.request, rowKind.dropScope]);

/** Collects rows in any order of time, and makes the log of them. */
export class LogBuilder {
  readonly row: Row = emptyRow();
  readonly keys = new Interner();
  readonly normalisedKeys = new Interner();
  readonly tenants = new TextIds();
  readonly models = new TextIds();
  /** By hash alone: who asked is nobody's business. */
  readonly clients = new Interner();
  rows = 0;
  /** For formats with prefix blocks. */
  tokensPerBlock = 0;

  readonly #hash = new Hash128();
  /** The prefix blocks of the rows added, one row's after the other's. */
  blockIds = new GrowingIds();
  readonly blocks = new Interner();

  /** All but the last are full, or were added whole. */
  #segments: RowSegment[] = [];
  #last: RowSegment | undefined;
  #blocksOfRow = 0;
  #firstTimeMs = Number.NaN;
  #lastTimeMs = Number.NaN;
  #inOrder = true;
  #ownKeys = 0;
  /** Told of each request that has a text, when its key is new. */
  readonly onNewRequest: ((key: number, request: unknown) => void) | undefined;

  constructor({ onNewRequest }: { onNewRequest?: (key: number, request: unknown) => void } = {}) {
    this.onNewRequest = onNewRequest;
  }

  /** Makes `row` a row of which nothing is known. */
  start(): Row {
    const row = this.row;
    row.timeMs = Number.NaN;
    row.key = 0;
    row.normalisedKey = -1;
    row.tenant = 0;
    row.client = -1;
    row.promptTokens = 0;
    row.outputTokens = 0;
    row.bytes = 0;
    row.latencyMs = Number.NaN;
    row.model = 0;
    row.cachedTokens = 0;
    row.cacheWriteTokens = 0;
    row.kind = 0;
    row.nearestKey = -1;
    row.similarity = Number.NaN;
    return row;
  }

  /** A key that no other row has, for formats that do not tell requests apart. */
  keyOfItsOwn(): number {
    return this.keys.idOf(this.#hash.ofItsOwn(this.#ownKeys++));
  }

  /** The key of an object that the format names by an integer below 2^64. */
  keyOfInteger(low: number, high: number): number {
    return this.keys.idOf(this.#hash.ofInteger(low | 0, high | 0));
  }

  /** The dense id of a prefix block, by a hash of the prompt up to the block's end. */
  blockId(hash: Hash128): number {
    return this.blocks.idOf(hash);
  }

  /** The next prefix block of `row`'s prompt. */
  addBlockId(id: number): void {
    this.blockIds.push(id);
    this.#blocksOfRow++;
  }

  /** Adds `row` as it is now. */
  add(): void {
    const row = this.row;
    const segment = this.#openSegment();
    const at = segment.rows;
    this.#setTime(segment, row.timeMs);
    segment.key[at] = row.key;
    segment.promptTokens[at] = row.promptTokens;
    segment.outputTokens[at] = row.outputTokens;
    segment.bytes[at] = row.bytes;
    segment.latencyMs[at] = row.latencyMs;
    if (row.model > 0xffff) {
      throw new LogError("TOO_MANY_MODELS", "Cannot read the log: it names more than 65,536 models");
    }
    segment.model[at] = row.model;
    if (row.tenant > 0) {
      segment.tenant ??= new Uint32Array(rowsPerSegment);
      segment.tenant[at] = row.tenant;
    }
    if (row.client >= 0) {
      segment.client ??= new Int32Array(rowsPerSegment).fill(-1);
      segment.client[at] = row.client;
    }
    if (row.normalisedKey >= 0) {
      segment.normalisedKey ??= new Int32Array(rowsPerSegment).fill(-1);
      segment.normalisedKey[at] = row.normalisedKey;
    }
    if (row.cachedTokens > 0) {
      segment.cachedTokens ??= new Uint32Array(rowsPerSegment);
      segment.cachedTokens[at] = row.cachedTokens;
    }
    if (row.cacheWriteTokens > 0) {
      segment.cacheWriteTokens ??= new Uint32Array(rowsPerSegment);
      segment.cacheWriteTokens[at] = row.cacheWriteTokens;
    }
    if (row.kind !== 0) {
      segment.kind ??= new Uint8Array(rowsPerSegment);
      segment.kind[at] = row.kind;
    }
    if (row.nearestKey >= 0) {
      segment.nearestKey ??= new Int32Array(rowsPerSegment).fill(-1);
      segment.similarity ??= new Float32Array(rowsPerSegment).fill(Number.NaN);
      segment.nearestKey[at] = row.nearestKey;
      segment.similarity[at] = row.similarity;
    }
    if (this.#blocksOfRow > 0) {
      segment.blockCount ??= new Uint32Array(rowsPerSegment);
      segment.blockCount[at] = this.#blocksOfRow;
      this.#blocksOfRow = 0;
    }
    segment.rows++;
    this.rows++;
  }

  #openSegment(): RowSegment {
    const last = this.#last;
    if (last !== undefined && last.rows < rowsPerSegment) return last;
    const segment = emptySegment();
    this.#segments.push(segment);
    this.#last = segment;
    return segment;
  }

  #setTime(segment: RowSegment, timeMs: number): void {
    segment.timeMs[segment.rows] = timeMs;
    if (timeMs < this.#lastTimeMs) this.#inOrder = false;
    if (Number.isNaN(timeMs)) return;
    if (Number.isNaN(this.#lastTimeMs)) this.#firstTimeMs = timeMs;
    this.#lastTimeMs = timeMs;
  }

  /** Adds rows whose ids are this builder's; their blocks are in `blockIds` already. No `add` may follow. */
  addSegments(segments: readonly RowSegment[], { firstTimeMs, lastTimeMs, inOrder }: TimeRange): void {
    for (const segment of segments) {
      this.#segments.push(segment);
      this.rows += segment.rows;
    }
    if (Number.isNaN(lastTimeMs)) return;
    if (!inOrder || firstTimeMs < this.#lastTimeMs) this.#inOrder = false;
    if (Number.isNaN(this.#firstTimeMs)) this.#firstTimeMs = firstTimeMs;
    this.#lastTimeMs = lastTimeMs;
  }

  /** Takes the rows out that were added since the last time, in memory of their own; the ids stay. */
  takeRows(): { segments: RowSegment[]; times: TimeRange; blockIds: Uint32Array<ArrayBuffer> } {
    const segments = this.#segments.map(trimmed);
    const blockIds = this.blockIds.toArray();
    const times = {
      firstTimeMs: this.#firstTimeMs,
      lastTimeMs: this.#lastTimeMs,
      inOrder: this.#inOrder,
    };
    this.#last = this.#last === undefined ? undefined : cleared(this.#last);
    this.#segments = this.#last === undefined ? [] : [this.#last];
    this.#firstTimeMs = Number.NaN;
    this.#lastTimeMs = Number.NaN;
    this.#inOrder = true;
    this.blockIds = new GrowingIds();
    return { segments, times, blockIds };
  }

  /**
   * The log of the rows added, in time order; rows of one time keep their order.
   * Times after 1973 are taken for wall-clock times.
   */
  finish(name: string): RequestLog {
    const { rows } = this;
    const order = this.#inOrder ? undefined : this.#timeOrder();
    const segments = this.#segments;
    const u32 = (of: (segment: RowSegment) => Uint32Array | undefined): Uint32Array =>
      columnOf(segments, rows, order, Uint32Array, of, 0);
    const has = (of: (segment: RowSegment) => unknown): boolean =>
      segments.some((segment) => of(segment) !== undefined);

    const timeMs = columnOf(segments, rows, order, Float64Array, (segment) => segment.timeMs, 0);
    const firstMs = timeMs.find((time) => !Number.isNaN(time));
    let lastMs = firstMs ?? 0;
    for (let row = 0; row < rows; row++) {
      const time = timeMs[row] ?? Number.NaN;
      if (!Number.isNaN(time)) lastMs = time;
      timeMs[row] = lastMs - (firstMs ?? 0);
    }
    const key = u32((segment) => segment.key);
    const model = columnOf(segments, rows, order, Uint16Array, (segment) => segment.model, 0);
    const normalisedKey = has((segment) => segment.normalisedKey) ? this.#normalised(key, order) : key;
    return {
      name,
      rows,
      timeMs,
      key,
      keys: this.keys.size,
      keyHash: this.keys.shortHashes(),
      ...(this.tenants.texts.length > 1 || this.models.texts.length > 1
        ? { keyScope: this.#keyScopes(key, model, order) }
        : {}),
      normalisedKey,
      normalisedKeys: normalisedKey === key ? this.keys.size : this.normalisedKeys.size,
      promptTokens: u32((segment) => segment.promptTokens),
      outputTokens: u32((segment) => segment.outputTokens),
      bytes: u32((segment) => segment.bytes),
      latencyMs: columnOf(segments, rows, order, Float32Array, (segment) => segment.latencyMs, Number.NaN),
      model,
      // Names end up in terminals: no control characters.
      models:
        this.models.texts.length > 0 ? this.models.texts.map((text) => text.replace(/\p{Cc}/gu, "")) : [""],
      ...(has((segment) => segment.cachedTokens)
        ? { cachedTokens: u32((segment) => segment.cachedTokens) }
        : {}),
      ...(has((segment) => segment.cacheWriteTokens)
        ? { cacheWriteTokens: u32((segment) => segment.cacheWriteTokens) }
        : {}),
      ...(has((segment) => segment.client) ? { client: this.#clients(order) } : {}),
      ...(has((segment) => segment.kind)
        ? { kind: columnOf(segments, rows, order, Uint8Array, (segment) => segment.kind, 0) }
        : {}),
      ...(has((segment) => segment.nearestKey) ? { nearest: this.#nearest(key, order) } : {}),
      ...(has((segment) => segment.blockCount) ? { blocks: this.#promptBlocks(order) } : {}),
      wallStartMs: firstMs !== undefined && firstMs > 1e11 ? firstMs : undefined,
    };
  }

  /** Normalised keys; a row whose text the log does not have gets one that goes with its exact key. */
  #normalised(key: Uint32Array, order: Uint32Array | undefined): Uint32Array {
    const ids = columnOf(
      this.#segments,
      this.rows,
      order,
      Uint32Array,
      (segment) => segment.normalisedKey,
      0xffffffff,
    );
    // An invalidation seldom names the normalised request: it is that of the other rows of the key.
    const known = new Int32Array(this.keys.size).fill(-1);
    for (let row = 0; row < ids.length; row++) {
      if (ids[row] !== 0xffffffff) known[key[row] ?? 0] = ids[row] ?? -1;
    }
    for (let row = 0; row < ids.length; row++) {
      if (ids[row] !== 0xffffffff) continue;
      const knownId = known[key[row] ?? 0] ?? -1;
      if (knownId >= 0) {
        ids[row] = knownId;
        continue;
      }
      this.#hash.ofInteger(key[row] ?? 0, 0);
      this.#hash.h4 = 1;
      ids[row] = this.normalisedKeys.idOf(this.#hash);
    }
    return ids;
  }

  #keyScopes(key: Uint32Array, model: Uint16Array, order: Uint32Array | undefined): Uint32Array {
    const tenant = columnOf(this.#segments, this.rows, order, Uint32Array, (segment) => segment.tenant, 0);
    const kind = columnOf(this.#segments, this.rows, order, Uint8Array, (segment) => segment.kind, 0);
    const scopes = new Map<number, number>();
    const keyScope = new Uint32Array(new SharedArrayBuffer(4 * this.keys.size)).fill(noScope);
    for (let row = 0; row < key.length; row++) {
      // The key has its tenant and model in it: the first row tells.
      if (keyScope[key[row] ?? 0] !== noScope || !ofKeysScope.has(kind[row] ?? 0)) continue;
      const pair = 0x10000 * (tenant[row] ?? 0) + (model[row] ?? 0);
      let scope = scopes.get(pair);
      if (scope === undefined) {
        scope = scopes.size;
        scopes.set(pair, scope);
      }
      keyScope[key[row] ?? 0] = scope;
    }
    return keyScope;
  }

  #clients(order: Uint32Array | undefined): Uint32Array {
    const ids = columnOf(
      this.#segments,
      this.rows,
      order,
      Uint32Array,
      (segment) => segment.client,
      noClient,
    );
    let next = this.clients.size;
    for (let row = 0; row < ids.length; row++) if (ids[row] === noClient) ids[row] = next++;
    return ids;
  }

  #promptBlocks(order: Uint32Array | undefined): PromptBlocks {
    const { rows } = this;
    const segments = this.#segments;
    const counts = columnOf(segments, rows, undefined, Uint32Array, (segment) => segment.blockCount, 0);
    const startAsRead = new Uint32Array(rows + 1);
    for (let row = 0; row < rows; row++) startAsRead[row + 1] = (startAsRead[row] ?? 0) + (counts[row] ?? 0);
    const start = new Uint32Array(new SharedArrayBuffer(4 * (rows + 1)));
    const ids = new Uint32Array(new SharedArrayBuffer(4 * this.blockIds.length));
    let end = 0;
    for (let row = 0; row < rows; row++) {
      const from = order === undefined ? row : (order[row] ?? 0);
      for (let i = startAsRead[from] ?? 0; i < (startAsRead[from + 1] ?? 0); i++)
        ids[end++] = this.blockIds.at(i);
      start[row + 1] = end;
    }
    return { start, ids, blocks: this.blocks.size, tokensPerBlock: this.tokensPerBlock };
  }

  #timeOrder(): Uint32Array {
    // A row without a time goes with the row before it.
    const times = columnOf(
      this.#segments,
      this.rows,
      undefined,
      Float64Array,
      (segment) => segment.timeMs,
      0,
    );
    let last = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < times.length; row++) {
      if (Number.isNaN(times[row])) times[row] = last;
      else last = times[row] ?? last;
    }
    const order = Uint32Array.from(times.keys());
    return order.sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
  }

  /** The last earlier row of each row's most similar key. */
  #nearest(key: Uint32Array, order: Uint32Array | undefined): { row: Int32Array; score: Float32Array } {
    const segments = this.#segments;
    const row = columnOf(segments, this.rows, order, Int32Array, (segment) => segment.nearestKey, -1);
    const score = columnOf(
      segments,
      this.rows,
      order,
      Float32Array,
      (segment) => segment.similarity,
      Number.NaN,
    );
    const lastRow = new Int32Array(this.keys.size).fill(-1);
    for (let i = 0; i < key.length; i++) {
      const nearestKey = row[i] ?? -1;
      row[i] = nearestKey < 0 ? -1 : (lastRow[nearestKey] ?? -1);
      if (row[i] === -1) score[i] = Number.NaN;
      lastRow[key[i] ?? 0] = i;
    }
    return { row, score };
  }
}

function emptyRow(): Row {
  return {
    timeMs: Number.NaN,
    key: 0,
    normalisedKey: -1,
    tenant: 0,
    client: -1,
    promptTokens: 0,
    outputTokens: 0,
    bytes: 0,
    latencyMs: Number.NaN,
    model: 0,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    kind: 0,
    nearestKey: -1,
    similarity: Number.NaN,
  };
}
