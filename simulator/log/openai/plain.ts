import { Hash128, noSalt } from "../hash.ts";
import { fieldKind } from "../json/fields.ts";
import type { LogBuilder } from "../log-builder.ts";
import type { Problems } from "../problems.ts";
import { timeOfBytes, timeOfNumber } from "../time.ts";
import type { ScopedKeys } from "./keys.ts";
import { field, type Line, names, wholeCount } from "./line.ts";

/** What a plain line may have: see `isPlain`. */
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
 * The quick way of lines with hashes, names and numbers alone, as the service writes them: what the longer way makes of
 * a line, this makes of it.
 */
export class PlainLines {
  readonly #line: Line;
  readonly #builder: LogBuilder;
  readonly #problems: Problems;
  readonly #keys: ScopedKeys;
  readonly #hash = new Hash128();
  /** The shape of lines that are plain. */
  #plainShape = -1;
  #seenShape = -1;

  constructor(line: Line, builder: LogBuilder, problems: Problems, keys: ScopedKeys) {
    this.#line = line;
    this.#builder = builder;
    this.#problems = problems;
    this.#keys = keys;
  }

  /** Adds the line's row. False: it is none of these, or something in it needs a closer look. */
  row(): boolean {
    const { shape, escapes } = this.#line.scanner;
    if (shape === this.#plainShape) return !escapes && this.#plainRow();
    if (shape !== this.#seenShape) {
      this.#seenShape = shape;
      if (this.#isPlain()) this.#plainShape = shape;
    }
    return false;
  }

  /** Whether the line holds hashes, names and numbers alone: then all lines of its shape do. */
  #isPlain(): boolean {
    const { kind } = this.#line.scanner;
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

  #plainRow(): boolean {
    const { kind, number, start, end } = this.#line.scanner;
    const { bytes, view } = this.#line;
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
    if (kind[field.client] === fieldKind.string) {
      const client = this.#hash.of(view, start[field.client] ?? 0, end[field.client] ?? 0);
      row.client = builder.clients.idOf(client.within(builder.tenants.saltOf(row.tenant), noSalt));
    }
    row.promptTokens = wholeCount(number[field.promptTokens] ?? 0);
    row.outputTokens = wholeCount(number[field.outputTokens] ?? 0);
    row.bytes = wholeCount(number[field.responseBytes] ?? 0);
    row.cachedTokens = wholeCount(number[field.cachedTokens] ?? 0);
    row.cacheWriteTokens = wholeCount(number[field.cacheWriteTokens] ?? 0);
    const hash = this.#hash.of(view, start[field.request] ?? 0, end[field.request] ?? 0);
    row.key = this.#keys.of(hash, row.tenant, row.model);
    if (kind[field.rule] === fieldKind.string) this.#problems.ruled++;
    builder.add();
    return true;
  }

  /** Whether the event is "request": its two halves of four bytes, which overlap. */
  #isRequestEvent(): boolean {
    const from = this.#line.scanner.start[field.event] ?? 0;
    const length = (this.#line.scanner.end[field.event] ?? 0) - from;
    return (
      length === 7 &&
      this.#line.view.getInt32(from, true) === 0x75716572 &&
      this.#line.view.getInt32(from + 3, true) === 0x74736575
    );
  }

  /** Whether the rule is "cacheable", as #isRequestEvent; its last letter goes unread. */
  #isCacheableRule(): boolean {
    const from = this.#line.scanner.start[field.rule] ?? 0;
    const length = (this.#line.scanner.end[field.rule] ?? 0) - from;
    return (
      length === 9 &&
      this.#line.view.getInt32(from, true) === 0x68636163 &&
      this.#line.view.getInt32(from + 4, true) === 0x6c626165
    );
  }
}
