import { Hash128 } from "../hash.ts";
import { FieldScanner, fieldKind } from "../json/fields.ts";
import type { TextIds } from "../text-ids.ts";
import { timeOfBytes, timeOfNumber } from "../time.ts";
import { countOf } from "../usage.ts";

/** The fields that are read of a line; docs/simulator-logs.md defines them. */
export const names = [
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
/** Where each of them is in the scanner's arrays. */
export const field = Object.fromEntries(names.map((name, i) => [name, i])) as Record<
  (typeof names)[number],
  number
>;

/** A line of the log, and what its fields hold. */
export class Line {
  readonly scanner = new FieldScanner(names);
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  readonly #hash = new Hash128();

  /** Sets the memory in which the lines lie. */
  use(bytes: Uint8Array, view: DataView): void {
    this.bytes = bytes;
    this.view = view;
    this.scanner.use(bytes, view);
  }

  /** JSON's null says as much as no member. */
  has(at: number): boolean {
    const kind = this.scanner.kind[at];
    return kind !== fieldKind.absent && kind !== fieldKind.null;
  }

  /** Whether a cache has answered. */
  cacheHit(): boolean {
    if (this.scanner.kind[field.cache_hit] === fieldKind.true) return true;
    return this.scanner.kind[field.cache] === fieldKind.string && this.parsed(field.cache) === "hit";
  }

  /** Whether the line has a time, good or not. */
  hasTime(): boolean {
    return this.has(this.#timeField());
  }

  /** Of arrival; NaN where there is none. */
  time(): number {
    const { kind, number, start, end } = this.scanner;
    const at = this.#timeField();
    if (kind[at] === fieldKind.number) return timeOfNumber(number[at] ?? 0);
    if (kind[at] === fieldKind.string) return timeOfBytes(this.bytes, start[at] ?? 0, end[at] ?? 0);
    return Number.NaN;
  }

  #timeField(): number {
    if (this.has(field.time)) return field.time;
    return this.has(field.timestamp) ? field.timestamp : field.created;
  }

  /** The id of a name; of none where the field has none. */
  textId(at: number, ids: TextIds): number {
    const { kind, start, end } = this.scanner;
    if (kind[at] !== fieldKind.string) return ids.idOfText("");
    return this.scanner.hasEscapes(at)
      ? ids.idOfText(String(this.parsed(at)))
      : ids.idOf(this.bytes, this.view, start[at] ?? 0, end[at] ?? 0);
  }

  /** Of a field's bytes, or of its text where it has escapes. Valid until the next call. */
  spanHash(at: number): Hash128 {
    if (this.scanner.kind[at] === fieldKind.string && this.scanner.hasEscapes(at)) {
      return this.#hash.ofText(String(this.parsed(at)));
    }
    return this.#hash.of(this.view, this.scanner.start[at] ?? 0, this.scanner.end[at] ?? 0);
  }

  /** A whole number that is not below 0; 0 where there is none. */
  count(at: number): number {
    return this.scanner.kind[at] === fieldKind.number ? wholeCount(this.scanner.number[at] ?? 0) : 0;
  }

  /** As JSON.parse has it. */
  parsed(at: number): unknown {
    const { kind, start, end } = this.scanner;
    const quotes = kind[at] === fieldKind.string ? 1 : 0;
    const text = this.bytes.subarray((start[at] ?? 0) - quotes, (end[at] ?? 0) + quotes);
    return JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.length).toString("utf8"));
  }
}

/** A number of a line as a whole one. */
export function wholeCount(value: number): number {
  return value >= 0 && value <= 0xffffffff ? Math.round(value) : countOf(value);
}
