import { requestingUser } from "../canonical-request.ts";
import type { Format, FormatOptions, LogReader } from "../format.ts";
import { Hash128, noSalt } from "../hash.ts";
import { Interner } from "../interner.ts";
import { FieldScanner, fieldKind } from "../json/fields.ts";
import { endOfLines, isSpace } from "../lines.ts";
import { rowKind } from "../log.ts";
import type { LogBuilder, Row } from "../log-builder.ts";
import { LooksBack } from "../looks-back.ts";
import { answeredFromCache, notReplayed, type Problems } from "../problems.ts";
import { RequestRows, tokensPerTextBlock } from "../request-rows.ts";
import { timeOfBytes, timeOfNumber } from "../time.ts";
import { countOf, isRecord, partsOf, usageOf } from "../usage.ts";

const names = [
  "time",
  "tenant",
  "client",
  "user",
  "model",
  "request",
  "normalised",
  "promptTokens",
  "cachedTokens",
  "cacheWriteTokens",
  "outputTokens",
  "latencyMs",
  "latency_ms",
  "duration_ms",
  "status",
  "responseBytes",
  "event",
  "nearest",
  "similarity",
  "response",
  "body",
  "timestamp",
  "created",
  "cache",
  "cache_hit",
  "rule",
] as const;
const field = Object.fromEntries(names.map((name, i) => [name, i])) as Record<(typeof names)[number], number>;

/** The first that a line has. */
const latencies = [field.latencyMs, field.latency_ms, field.duration_ms];

/** What a plain line may have: see `#isPlain`. */
const plainTexts = [field.event, field.tenant, field.client, field.model, field.cache, field.rule];
const plainNumbers = [
  field.promptTokens,
  field.outputTokens,
  field.latencyMs,
  field.responseBytes,
  field.cachedTokens,
  field.cacheWriteTokens,
  field.status,
];
const plainFields: ReadonlySet<number> = new Set([field.time, field.request, ...plainTexts, ...plainNumbers]);

/**
 * JSON lines of OpenAI-style requests and responses; the service's own access log is one. The fields are those
 * of docs/simulator-logs.md. `request` is the request's body, or a hash of it: then no text is in the log.
 */
const openai: Format = {
  title: "JSON lines of OpenAI-style requests (or hashes of them) and responses",
  matches: ({ firstObject: object }) =>
    object !== undefined &&
    (object.request !== undefined || object.event !== undefined || isRecord(object.body)),
  open: (builder, problems, options) => new AccessLog(builder, problems, { mayLookBack: true, ...options }),
  openLines: (builder, problems, options) =>
    new AccessLog(builder, problems, { mayLookBack: false, ...options }),
};
export default openai;

/** What the service says of requests whose answers it stores (its cache/cacheable.ts), and of others. Other words are passed over. */
const lettingIn: readonly unknown[] = ["cacheable", "no-cache", "provider-store"];
const uncacheable: readonly unknown[] = [
  ...["sampled", "many-choices", "tools", "logprobs", "audio-output", "remote-content", "unknown-content"],
  "no-store",
];

/** Events that are none to replay, by what is said of them. */
const passedOver: ReadonlyMap<string, string> = new Map([
  ["embeddings", "embeddings: not replayed"],
  ["invalidate-tag", notReplayed.byTag],
  ["invalidate-model", notReplayed.byModel],
  ["invalidate-embeddings", "invalidation of embeddings: not replayed"],
]);

/** So many bodies are known at a time: what repeats does so sooner, and memory has a bound. */
const mostBodies = 1 << 18;

class AccessLog implements LogReader {
  readonly #builder: LogBuilder;
  readonly #problems: Problems;
  readonly #mayLookBack: boolean;
  readonly #keepUncacheable: boolean;
  readonly #scanner = new FieldScanner(names);
  readonly #hash = new Hash128();
  readonly #requests: RequestRows;
  /** The shape of lines of which nothing but hashes, names and numbers is there to be read. */
  #plainShape = -1;
  #seenShape = -1;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  // What each body came to, by its bytes: one seen before is not parsed again.
  #bodies = new Interner();
  readonly #bodyKey: number[] = [];
  readonly #bodyNormalisedKey: number[] = [];
  readonly #bodyModel: number[] = [];
  readonly #bodyClient: number[] = [];
  readonly #bodyBlocks: Uint32Array[] = [];
  /** The pairs of tenant and model that have made requests, and a key of each. */
  readonly #scopes = new Map<
    number,
    { readonly tenant: number; readonly model: number; readonly key: number }
  >();

  /** @param mayLookBack whether the builder has all rows of the log so far */
  constructor(
    builder: LogBuilder,
    problems: Problems,
    { mayLookBack, keepUncacheable = false }: FormatOptions & { mayLookBack: boolean },
  ) {
    this.#builder = builder;
    this.#problems = problems;
    this.#mayLookBack = mayLookBack;
    this.#keepUncacheable = keepUncacheable;
    this.#requests = new RequestRows(builder);
    builder.tokensPerBlock = tokensPerTextBlock;
  }

  read(block: Parameters<LogReader["read"]>[0]): number {
    const { bytes, view } = block;
    const end = endOfLines(block);
    this.#bytes = bytes;
    this.#view = view;
    this.#scanner.use(bytes, view);
    const problems = this.#problems;
    for (let at = block.from; at < end; ) {
      problems.line++;
      const lineFeed = this.#scanner.scan(at);
      if (lineFeed >= 0) {
        problems.records++;
        this.#row();
        at = lineFeed + 1;
        continue;
      }
      const stoppedAt = this.#scanner.stoppedAt;
      const next = bytes.indexOf(0x0a, at);
      if (bytes.subarray(at, next).some((byte) => !isSpace(byte))) {
        problems.records++;
        problems.reject(`is not a JSON object: wrong at byte ${stoppedAt - at + 1}`);
      }
      at = next + 1;
    }
    return Math.min(end, block.to);
  }

  #row(): void {
    const { shape, escapes } = this.#scanner;
    if (shape === this.#plainShape && !escapes && this.#plainRow()) return;
    if (shape !== this.#seenShape) {
      this.#seenShape = shape;
      if (this.#isPlain()) this.#plainShape = shape;
    }
    this.#anyRow();
  }

  /** Whether the line holds hashes, names and numbers alone: then all lines of its shape do. */
  #isPlain(): boolean {
    const { kind } = this.#scanner;
    const isOf = (at: number, ...kinds: readonly number[]) => kinds.includes(kind[at] ?? 0);
    const { absent, number, string } = fieldKind;
    return (
      isOf(field.time, number, string) &&
      isOf(field.request, string) &&
      plainTexts.every((at) => isOf(at, string, absent)) &&
      plainNumbers.every((at) => isOf(at, number, absent)) &&
      names.every((_, at) => plainFields.has(at) || isOf(at, absent))
    );
  }

  /** Does what #anyRow does, for a plain line without escapes. False: something in it needs a closer look. */
  #plainRow(): boolean {
    const { kind, number, start, end } = this.#scanner;
    const bytes = this.#bytes;
    const view = this.#view;
    const builder = this.#builder;
    const timeMs =
      kind[field.time] === fieldKind.number
        ? timeOfNumber(number[field.time] ?? 0)
        : timeOfBytes(bytes, start[field.time] ?? 0, end[field.time] ?? 0);
    // A cache's hit, a time that is none or a refused request are told by the longer way.
    if (Number.isNaN(timeMs) || (number[field.status] ?? 0) >= 400) return false;
    if (bytes[start[field.cache] ?? 0] === 0x68) return false;
    if (kind[field.event] === fieldKind.string && !this.#isRequestEvent()) return false;
    if (kind[field.rule] === fieldKind.string && !this.#isCacheableRule()) return false;
    const latencyMs = number[field.latencyMs] ?? 0;
    if (!(latencyMs >= 0 && latencyMs < Number.POSITIVE_INFINITY)) return false;
    const row = builder.start();
    row.timeMs = timeMs;
    if (kind[field.latencyMs] === fieldKind.number) row.latencyMs = latencyMs;
    row.tenant = builder.tenants.idOf(bytes, view, start[field.tenant] ?? 0, end[field.tenant] ?? 0);
    row.model = builder.models.idOf(bytes, view, start[field.model] ?? 0, end[field.model] ?? 0);
    if (kind[field.client] === fieldKind.string) row.client = this.#clientOf(field.client, row.tenant);
    row.promptTokens = wholeCount(number[field.promptTokens] ?? 0);
    row.outputTokens = wholeCount(number[field.outputTokens] ?? 0);
    row.bytes = wholeCount(number[field.responseBytes] ?? 0);
    row.cachedTokens = wholeCount(number[field.cachedTokens] ?? 0);
    row.cacheWriteTokens = wholeCount(number[field.cacheWriteTokens] ?? 0);
    const hash = this.#hash.of(view, start[field.request] ?? 0, end[field.request] ?? 0);
    row.key = this.#keyOf(hash, row.tenant, row.model);
    if (kind[field.rule] === fieldKind.string) this.#problems.ruled++;
    builder.add();
    return true;
  }

  /** Whether the event is "request": its two halves of four bytes, which overlap. */
  #isRequestEvent(): boolean {
    const from = this.#scanner.start[field.event] ?? 0;
    const length = (this.#scanner.end[field.event] ?? 0) - from;
    return (
      length === 7 &&
      this.#view.getInt32(from, true) === 0x75716572 &&
      this.#view.getInt32(from + 3, true) === 0x74736575
    );
  }

  /** Whether the rule is "cacheable", as #isRequestEvent; its last letter goes unread. */
  #isCacheableRule(): boolean {
    const from = this.#scanner.start[field.rule] ?? 0;
    const length = (this.#scanner.end[field.rule] ?? 0) - from;
    return (
      length === 9 &&
      this.#view.getInt32(from, true) === 0x68636163 &&
      this.#view.getInt32(from + 4, true) === 0x6c626165
    );
  }

  #anyRow(): void {
    const { kind, number } = this.#scanner;
    if (kind[field.status] === fieldKind.number && (number[field.status] ?? 0) >= 400) {
      this.#problems.note("failed request");
      return;
    }
    const row = this.#builder.start();
    row.timeMs = this.#time();
    if (Number.isNaN(row.timeMs) && this.#has(this.#timeField())) {
      this.#problems.reject("has a time that is none");
      return;
    }
    if (this.#has(field.event) && !this.#event(row)) return;
    if (row.kind === rowKind.dropAll) {
      this.#invalidateAll(row);
      return;
    }
    if (row.kind === rowKind.dropKey) {
      this.#invalidate(row);
      return;
    }
    const rule = kind[field.rule] === fieldKind.string ? this.#parsed(field.rule) : undefined;
    if (this.#isLeftOut(rule)) return;
    const tenant = this.#textId(field.tenant, this.#builder.tenants);
    const model = this.#textId(field.model, this.#builder.models);
    row.tenant = tenant;
    row.model = model;
    row.client = this.#client(tenant);
    row.promptTokens = this.#count(field.promptTokens);
    row.outputTokens = this.#count(field.outputTokens);
    row.bytes = this.#count(field.responseBytes);
    const latency = latencies.find((at) => kind[at] === fieldKind.number);
    if (latency !== undefined) row.latencyMs = this.#problems.latency(number[latency] ?? Number.NaN);
    if (this.#cacheHit()) {
      this.#problems.note(answeredFromCache);
      row.latencyMs = Number.NaN;
    }
    if (kind[field.cachedTokens] === fieldKind.number) row.cachedTokens = this.#count(field.cachedTokens);
    if (kind[field.cacheWriteTokens] === fieldKind.number) {
      row.cacheWriteTokens = this.#count(field.cacheWriteTokens);
    }
    if (this.#has(field.response) && !this.#response(row)) return;
    if (this.#has(field.nearest)) this.#nearest(row, tenant, model);
    if (!this.#request(row, tenant, model)) return;
    if (lettingIn.includes(rule)) this.#problems.ruled++;
    this.#builder.add();
  }

  /** Whether the line's own rule kept its answer out of the cache. */
  #isLeftOut(rule: unknown): boolean {
    if (this.#keepUncacheable || !uncacheable.includes(rule)) return false;
    this.#problems.note(`not cacheable (${rule}): left out (--keep-uncacheable keeps them)`);
    return true;
  }

  /** All that was asked, or by one tenant, or of one model: a row for each of their scopes so far. */
  #invalidateAll(row: Row): void {
    if (!this.#has(field.tenant) && !this.#has(field.model)) {
      this.#builder.add();
      return;
    }
    if (!this.#mayLookBack) throw new LooksBack();
    row.kind = rowKind.dropScope;
    const named = this.#namedScope();
    const scopes = [...this.#scopes.values()].filter((scope) => isWithin(scope, named));
    for (const { tenant, model, key } of scopes) {
      row.tenant = tenant;
      row.model = model;
      row.key = key;
      this.#builder.add();
    }
    if (scopes.length === 0) this.#problems.note("invalidation of what is not in the log before it");
  }

  /** Of an invalidation: the tenant and the model that it names. */
  #namedScope(): Scope {
    const { tenants, models } = this.#builder;
    return {
      tenant: this.#has(field.tenant) ? this.#textId(field.tenant, tenants) : undefined,
      model: this.#has(field.model) ? this.#textId(field.model, models) : undefined,
    };
  }

  /** One row for each key that the request has so far: an event need not name the tenant or the model. */
  #invalidate(row: Row): void {
    if (!this.#mayLookBack) throw new LooksBack();
    const { kind } = this.#scanner;
    const at = this.#has(field.request) ? field.request : field.body;
    if (kind[at] !== fieldKind.string && kind[at] !== fieldKind.object) {
      this.#problems.reject('has no "request" (an object, or its hash)');
      return;
    }
    const body = kind[at] === fieldKind.object ? this.#parsed(at) : undefined;
    const named = isRecord(body) && typeof body.model === "string" ? body.model : undefined;
    const { tenants, models, keys } = this.#builder;
    const line = this.#namedScope();
    const model = line.model ?? (named === undefined ? undefined : models.idOfText(named));
    let found = false;
    for (const scope of this.#scopes.values()) {
      if (!isWithin(scope, { tenant: line.tenant, model })) continue;
      const hash = body === undefined ? this.#spanHash(at) : this.#requests.hashOf(body);
      const key = keys.find(hash.within(tenants.saltOf(scope.tenant), models.saltOf(scope.model)));
      if (key < 0) continue;
      found = true;
      row.key = key;
      row.model = scope.model;
      this.#builder.add();
    }
    if (!found) this.#problems.note("invalidation of a request that is not in the log before it");
  }

  #request(row: Row, tenant: number, model: number): boolean {
    const { kind } = this.#scanner;
    const at = this.#has(field.request) ? field.request : field.body;
    if (kind[at] === fieldKind.string) {
      // A hash of the request, or a short name for it.
      row.key = this.#keyOf(this.#spanHash(at), tenant, model);
      if (kind[field.normalised] === fieldKind.string) {
        row.normalisedKey = this.#hashedKey(field.normalised, this.#builder.normalisedKeys, tenant, model);
      }
      return true;
    }
    if (kind[at] !== fieldKind.object) {
      this.#problems.reject('has no "request" (an object, or its hash)');
      return false;
    }
    const body = this.#body(row, tenant, model, at);
    row.key = this.#bodyKey[body] ?? 0;
    row.normalisedKey = this.#bodyNormalisedKey[body] ?? 0;
    row.model = this.#bodyModel[body] ?? 0;
    if (row.client < 0) row.client = this.#bodyClient[body] ?? -1;
    for (const block of this.#bodyBlocks[body] ?? []) this.#builder.addBlockId(block);
    return true;
  }

  /** The most similar earlier request, by its hash or its body. */
  #nearest(row: Row, tenant: number, model: number): void {
    const { kind, number } = this.#scanner;
    const at = field.nearest;
    if (kind[at] === fieldKind.string) row.nearestKey = this.#keyOf(this.#spanHash(at), tenant, model);
    else if (kind[at] === fieldKind.object) {
      row.nearestKey = this.#bodyKey[this.#body(row, tenant, model, at)] ?? -1;
    } else return;
    row.similarity = kind[field.similarity] === fieldKind.number ? (number[field.similarity] ?? 1) : 1;
  }

  #body(row: Row, tenant: number, model: number, at: number): number {
    if (this.#bodyKey.length === mostBodies) this.#forgetBodies();
    const body = this.#bodies.idOf(this.#within(this.#spanHash(at), tenant, model));
    if (body === this.#bodyKey.length) this.#learnBody(row, tenant, model, at);
    return body;
  }

  #forgetBodies(): void {
    this.#bodies = new Interner();
    for (const column of [this.#bodyKey, this.#bodyNormalisedKey, this.#bodyModel, this.#bodyClient])
      column.length = 0;
    this.#bodyBlocks.length = 0;
  }

  #learnBody(row: Row, tenant: number, lineModel: number, at: number): void {
    const request = this.#parsed(at);
    const named = isRecord(request) && typeof request.model === "string" ? request.model : undefined;
    const noModel = !this.#has(field.model);
    const model = noModel && named !== undefined ? this.#builder.models.idOfText(named) : lineModel;
    this.#requests.identify(row, tenant, model, request);
    this.#addScope(tenant, model, row.key);
    this.#bodyKey.push(row.key);
    this.#bodyNormalisedKey.push(row.normalisedKey);
    this.#bodyModel.push(model);
    const user = requestingUser(request);
    this.#bodyClient.push(user === undefined ? -1 : this.#requests.clientOf(tenant, user));
    this.#bodyBlocks.push(this.#requests.blocksOf(model, request));
  }

  /** Fills in what the line's own fields leave open. False: the line is not for replay. */
  #response(row: Row): boolean {
    const { kind, start, end } = this.#scanner;
    const at = field.response;
    if (row.bytes === 0) row.bytes = (end[at] ?? 0) - (start[at] ?? 0);
    if (kind[at] !== fieldKind.object) return true;
    const own = (name: number): boolean => kind[name] === fieldKind.number;
    const complete = [field.promptTokens, field.outputTokens, field.cachedTokens, field.cacheWriteTokens];
    if (complete.every(own) && own(field.status)) return true;
    const response = this.#parsed(at);
    if (!isRecord(response)) return true;
    // The output lines of OpenAI's batch API wrap the answer: {"status_code": 200, "body": {...}}.
    const answer = isRecord(response.body) ? response.body : response;
    if (isRecord(answer.error) || countOf(response.status_code) >= 400) {
      this.#problems.note("failed request");
      return false;
    }
    const usage = usageOf(answer.usage ?? answer.usageMetadata);
    if (usage === undefined) return true;
    const filled = partsOf(
      own(field.promptTokens) ? row.promptTokens : usage.prompt,
      own(field.cachedTokens) ? row.cachedTokens : usage.cached,
      own(field.cacheWriteTokens) ? row.cacheWriteTokens : usage.cacheWrite,
      own(field.outputTokens) ? row.outputTokens : usage.output,
    );
    row.promptTokens = filled.prompt;
    row.outputTokens = filled.output;
    row.cachedTokens = filled.cached;
    row.cacheWriteTokens = filled.cacheWrite;
    return true;
  }

  /** False: the line is not for replay. */
  #event(row: Row): boolean {
    const event = String(this.#parsed(field.event));
    if (event === "invalidate") row.kind = rowKind.dropKey;
    else if (event === "invalidate-all") row.kind = rowKind.dropAll;
    else if (event !== "request") {
      this.#problems.note(passedOver.get(event) ?? "event of another kind");
      return false;
    }
    return true;
  }

  /** JSON's null says as much as no member. */
  #has(at: number): boolean {
    const kind = this.#scanner.kind[at];
    return kind !== fieldKind.absent && kind !== fieldKind.null;
  }

  #cacheHit(): boolean {
    if (this.#scanner.kind[field.cache_hit] === fieldKind.true) return true;
    return this.#scanner.kind[field.cache] === fieldKind.string && this.#parsed(field.cache) === "hit";
  }

  #timeField(): number {
    if (this.#has(field.time)) return field.time;
    return this.#has(field.timestamp) ? field.timestamp : field.created;
  }

  #time(): number {
    const { kind, number, start, end } = this.#scanner;
    const at = this.#timeField();
    if (kind[at] === fieldKind.number) return timeOfNumber(number[at] ?? 0);
    if (kind[at] === fieldKind.string) return timeOfBytes(this.#bytes, start[at] ?? 0, end[at] ?? 0);
    return Number.NaN;
  }

  #textId(at: number, ids: LogBuilder["tenants"]): number {
    const { kind, start, end } = this.#scanner;
    if (kind[at] !== fieldKind.string) return ids.idOfText("");
    return this.#scanner.hasEscapes(at)
      ? ids.idOfText(String(this.#parsed(at)))
      : ids.idOf(this.#bytes, this.#view, start[at] ?? 0, end[at] ?? 0);
  }

  /** Who asked, by hash; a name means someone else in another tenant. -1: the line does not say. */
  #client(tenant: number): number {
    const { kind } = this.#scanner;
    const at = kind[field.client] === fieldKind.string ? field.client : field.user;
    return kind[at] === fieldKind.string ? this.#clientOf(at, tenant) : -1;
  }

  #clientOf(at: number, tenant: number): number {
    const { clients, tenants } = this.#builder;
    return clients.idOf(this.#spanHash(at).within(tenants.saltOf(tenant), noSalt));
  }

  /** The key of a request, before its tenant and model are mixed into its hash. */
  #keyOf(hash: Hash128, tenant: number, model: number): number {
    const { keys } = this.#builder;
    const known = keys.size;
    const key = keys.idOf(this.#within(hash, tenant, model));
    if (keys.size > known) this.#addScope(tenant, model, key);
    return key;
  }

  #addScope(tenant: number, model: number, key: number): void {
    const scope = 0x10000 * tenant + model;
    if (!this.#scopes.has(scope)) this.#scopes.set(scope, { tenant, model, key });
  }

  #hashedKey(at: number, ids: Interner, tenant: number, model: number): number {
    return ids.idOf(this.#within(this.#spanHash(at), tenant, model));
  }

  #within(hash: Hash128, tenant: number, model: number): Hash128 {
    const { tenants, models } = this.#builder;
    return hash.within(tenants.saltOf(tenant), models.saltOf(model));
  }

  #spanHash(at: number): Hash128 {
    if (this.#scanner.kind[at] === fieldKind.string && this.#scanner.hasEscapes(at)) {
      return this.#hash.ofText(String(this.#parsed(at)));
    }
    return this.#hash.of(this.#view, this.#scanner.start[at] ?? 0, this.#scanner.end[at] ?? 0);
  }

  #count(at: number): number {
    return this.#scanner.kind[at] === fieldKind.number ? wholeCount(this.#scanner.number[at] ?? 0) : 0;
  }

  #parsed(at: number): unknown {
    const { kind, start, end } = this.#scanner;
    const quotes = kind[at] === fieldKind.string ? 1 : 0;
    const text = this.#bytes.subarray((start[at] ?? 0) - quotes, (end[at] ?? 0) + quotes);
    return JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.length).toString("utf8"));
  }
}

/** A tenant and a model; undefined: any. */
interface Scope {
  readonly tenant: number | undefined;
  readonly model: number | undefined;
}

function isWithin({ tenant, model }: Scope, named: Scope): boolean {
  return (named.tenant ?? tenant) === tenant && (named.model ?? model) === model;
}

function wholeCount(value: number): number {
  return value >= 0 && value <= 0xffffffff ? Math.round(value) : countOf(value);
}
