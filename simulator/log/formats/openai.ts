import type { Format, FormatOptions, LogReader } from "../format.ts";
import { noSalt } from "../hash.ts";
import { fieldKind } from "../json/fields.ts";
import { endOfLines, isSpace } from "../lines.ts";
import { rowKind } from "../log.ts";
import type { LogBuilder, Row } from "../log-builder.ts";
import { LooksBack } from "../looks-back.ts";
import { Bodies } from "../openai/bodies.ts";
import { type Scope, ScopedKeys } from "../openai/keys.ts";
import { field, Line } from "../openai/line.ts";
import { PlainLines } from "../openai/plain.ts";
import { answeredFromCache, notReplayed, type Problems } from "../problems.ts";
import { countOf, isRecord, partsOf, usageOf } from "../usage.ts";

/** The first that a line has. */
const latencies = [field.latencyMs, field.latency_ms, field.duration_ms];

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

class AccessLog implements LogReader {
  readonly #builder: LogBuilder;
  readonly #problems: Problems;
  readonly #mayLookBack: boolean;
  readonly #keepUncacheable: boolean;
  readonly #line = new Line();
  readonly #keys: ScopedKeys;
  readonly #bodies: Bodies;
  readonly #plain: PlainLines;

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
    this.#keys = new ScopedKeys(builder);
    this.#bodies = new Bodies(this.#line, builder, this.#keys);
    this.#plain = new PlainLines(this.#line, builder, problems, this.#keys);
  }

  read(block: Parameters<LogReader["read"]>[0]): number {
    const { bytes, view } = block;
    const end = endOfLines(block);
    this.#line.use(bytes, view);
    const problems = this.#problems;
    const { scanner } = this.#line;
    for (let at = block.from; at < end; ) {
      problems.line++;
      const lineFeed = scanner.scan(at);
      if (lineFeed >= 0) {
        problems.records++;
        if (!this.#plain.row()) this.#anyRow();
        at = lineFeed + 1;
        continue;
      }
      const stoppedAt = scanner.stoppedAt;
      const next = bytes.indexOf(0x0a, at);
      if (bytes.subarray(at, next).some((byte) => !isSpace(byte))) {
        problems.records++;
        problems.reject(`is not a JSON object: wrong at byte ${stoppedAt - at + 1}`);
      }
      at = next + 1;
    }
    return Math.min(end, block.to);
  }

  #anyRow(): void {
    const { kind, number } = this.#line.scanner;
    if (kind[field.status] === fieldKind.number && (number[field.status] ?? 0) >= 400) {
      this.#problems.note("failed request");
      return;
    }
    const row = this.#builder.start();
    row.timeMs = this.#line.time();
    if (Number.isNaN(row.timeMs) && this.#line.hasTime()) {
      this.#problems.reject("has a time that is none");
      return;
    }
    if (this.#line.has(field.event) && !this.#event(row)) return;
    if (row.kind === rowKind.dropAll) {
      this.#invalidateAll(row);
      return;
    }
    if (row.kind === rowKind.dropKey) {
      this.#invalidate(row);
      return;
    }
    const rule = kind[field.rule] === fieldKind.string ? this.#line.parsed(field.rule) : undefined;
    if (this.#isLeftOut(rule)) return;
    const tenant = this.#line.textId(field.tenant, this.#builder.tenants);
    const model = this.#line.textId(field.model, this.#builder.models);
    row.tenant = tenant;
    row.model = model;
    row.client = this.#client(tenant);
    row.promptTokens = this.#line.count(field.promptTokens);
    row.outputTokens = this.#line.count(field.outputTokens);
    row.bytes = this.#line.count(field.responseBytes);
    const latency = latencies.find((at) => kind[at] === fieldKind.number);
    if (latency !== undefined) row.latencyMs = this.#problems.latency(number[latency] ?? Number.NaN);
    if (this.#line.cacheHit()) {
      this.#problems.note(answeredFromCache);
      row.latencyMs = Number.NaN;
    }
    if (kind[field.cachedTokens] === fieldKind.number)
      row.cachedTokens = this.#line.count(field.cachedTokens);
    if (kind[field.cacheWriteTokens] === fieldKind.number) {
      row.cacheWriteTokens = this.#line.count(field.cacheWriteTokens);
    }
    if (this.#line.has(field.response) && !this.#response(row)) return;
    if (this.#line.has(field.nearest)) this.#nearest(row, tenant, model);
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
    if (!this.#line.has(field.tenant) && !this.#line.has(field.model)) {
      this.#builder.add();
      return;
    }
    if (!this.#mayLookBack) throw new LooksBack();
    row.kind = rowKind.dropScope;
    const named = this.#namedScope();
    const scopes = this.#keys.scopes(named);
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
      tenant: this.#line.has(field.tenant) ? this.#line.textId(field.tenant, tenants) : undefined,
      model: this.#line.has(field.model) ? this.#line.textId(field.model, models) : undefined,
    };
  }

  /** One row for each key that the request has so far: an event need not name the tenant or the model. */
  #invalidate(row: Row): void {
    if (!this.#mayLookBack) throw new LooksBack();
    const { kind } = this.#line.scanner;
    const at = this.#line.has(field.request) ? field.request : field.body;
    if (kind[at] !== fieldKind.string && kind[at] !== fieldKind.object) {
      this.#problems.reject('has no "request" (an object, or its hash)');
      return;
    }
    const body = kind[at] === fieldKind.object ? this.#line.parsed(at) : undefined;
    const named = isRecord(body) && typeof body.model === "string" ? body.model : undefined;
    const { tenants, models, keys } = this.#builder;
    const line = this.#namedScope();
    const model = line.model ?? (named === undefined ? undefined : models.idOfText(named));
    let found = false;
    for (const scope of this.#keys.scopes({ tenant: line.tenant, model })) {
      const hash = body === undefined ? this.#line.spanHash(at) : this.#bodies.hashOf(body);
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
    const { kind } = this.#line.scanner;
    const at = this.#line.has(field.request) ? field.request : field.body;
    if (kind[at] === fieldKind.string) {
      // A hash of the request, or a short name for it.
      row.key = this.#keys.of(this.#line.spanHash(at), tenant, model);
      if (kind[field.normalised] === fieldKind.string) {
        const hash = this.#keys.within(this.#line.spanHash(field.normalised), tenant, model);
        row.normalisedKey = this.#builder.normalisedKeys.idOf(hash);
      }
      return true;
    }
    if (kind[at] !== fieldKind.object) {
      this.#problems.reject('has no "request" (an object, or its hash)');
      return false;
    }
    const body = this.#bodies.of(row, tenant, model, at);
    row.key = body.key;
    row.normalisedKey = body.normalisedKey;
    row.model = body.model;
    if (row.client < 0) row.client = body.client;
    for (const block of body.blocks) this.#builder.addBlockId(block);
    return true;
  }

  /** The most similar earlier request, by its hash or its body. */
  #nearest(row: Row, tenant: number, model: number): void {
    const { kind, number } = this.#line.scanner;
    const at = field.nearest;
    if (kind[at] === fieldKind.string) row.nearestKey = this.#keys.of(this.#line.spanHash(at), tenant, model);
    else if (kind[at] === fieldKind.object) {
      row.nearestKey = this.#bodies.of(row, tenant, model, at).key;
    } else return;
    row.similarity = kind[field.similarity] === fieldKind.number ? (number[field.similarity] ?? 1) : 1;
  }

  /** Fills in what the line's own fields leave open. False: the line is not for replay. */
  #response(row: Row): boolean {
    const { kind, start, end } = this.#line.scanner;
    const at = field.response;
    if (row.bytes === 0) row.bytes = (end[at] ?? 0) - (start[at] ?? 0);
    if (kind[at] !== fieldKind.object) return true;
    const own = (name: number): boolean => kind[name] === fieldKind.number;
    const complete = [field.promptTokens, field.outputTokens, field.cachedTokens, field.cacheWriteTokens];
    if (complete.every(own) && own(field.status)) return true;
    const response = this.#line.parsed(at);
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
    const event = String(this.#line.parsed(field.event));
    if (event === "invalidate") row.kind = rowKind.dropKey;
    else if (event === "invalidate-all") row.kind = rowKind.dropAll;
    else if (event !== "request") {
      this.#problems.note(passedOver.get(event) ?? "event of another kind");
      return false;
    }
    return true;
  }

  /** Who asked, by hash; a name means someone else in another tenant. -1: the line does not say. */
  #client(tenant: number): number {
    const { kind } = this.#line.scanner;
    const at = kind[field.client] === fieldKind.string ? field.client : field.user;
    if (kind[at] !== fieldKind.string) return -1;
    const { clients, tenants } = this.#builder;
    return clients.idOf(this.#line.spanHash(at).within(tenants.saltOf(tenant), noSalt));
  }
}
