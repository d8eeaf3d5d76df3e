import type { Sample } from "../journal/event.ts";

/** What a row of k6's CSV output says; rows of other metrics are passed over. Times are Unix time in ms. */
export type LoadRow =
  | {
      readonly type: "request";
      readonly endWallMs: number;
      readonly durationMs: number;
      readonly status: number;
      readonly error: string;
      readonly cache: Sample["cache"];
      readonly answer: Sample["answer"];
    }
  /** Arrivals for which no VU was free. */
  | { readonly type: "dropped"; readonly wallMs: number; readonly count: number }
  /** Requests beside the measured ones that the script has sent. */
  | { readonly type: "extra"; readonly wallMs: number; readonly count: number }
  /** A run of the script's default function that has ended, however it ended. */
  | { readonly type: "iteration" }
  /** A request's row that cannot be counted as a sample, and why. */
  | { readonly type: "malformed"; readonly row: string; readonly because: string };

export interface SampleStream {
  /** Chunks may cut the stream anywhere between two characters. */
  push(chunk: string): LoadRow[];
  /** A request's row without an end of line was cut off in the middle. */
  end(): LoadRow[];
}

/** A quote that stays open for so many characters is taken as broken, so that it does not eat what follows. */
const longestQuotedRow = 64 * 1024;

const requestMetric = "breakwater_request";
const countedMetrics: ReadonlyMap<string, "dropped" | "extra"> = new Map([
  ["dropped_iterations", "dropped"],
  ["breakwater_extra", "extra"],
]);
const cacheStates: ReadonlySet<string> = new Set<Sample["cache"]>(["hit", "miss", "bypass", ""]);
const answerStates: ReadonlySet<string> = new Set<Sample["answer"]>([
  "right",
  "wrong",
  "foreign",
  "stale",
  "",
]);

/**
 * Reads k6's CSV output (`K6_CSV_TIME_FORMAT=unix_micro`) as it comes. The columns are taken from the header:
 * they differ between versions of k6 and with its system tags.
 */
export function createSampleStream(): SampleStream {
  let rest = "";
  let columns: Columns | undefined;

  const readRow = (row: string, rows: LoadRow[]) => {
    if (row === "") return;
    const fields = splitRow(row);
    if (columns === undefined) {
      columns = new Map(fields.map((name, index) => [name, index]));
      return;
    }
    const read = toLoadRow(fields, columns, row);
    if (read !== undefined) rows.push(read);
  };

  return {
    push(chunk) {
      const rows: LoadRow[] = [];
      const text = rest + chunk;
      let start = 0;
      let from = 0;
      for (;;) {
        const newline = text.indexOf("\n", from);
        if (newline === -1) break;
        const row = text.slice(start, newline);
        if (!hasOpenQuote(row)) {
          readRow(row, rows);
          start = newline + 1;
          from = start;
        } else if (row.length <= longestQuotedRow) {
          from = newline + 1;
        } else {
          const firstEnd = text.indexOf("\n", start);
          rows.push(malformed(text.slice(start, firstEnd), "a quote is not closed"));
          start = firstEnd + 1;
          from = start;
        }
      }
      rest = text.slice(start);
      return rows;
    },
    end() {
      const row = rest;
      rest = "";
      return row.includes(requestMetric) ? [malformed(row, "the stream ends in the middle of it")] : [];
    },
  };
}

type Columns = ReadonlyMap<string, number>;

function toLoadRow(fields: readonly string[], columns: Columns, row: string): LoadRow | undefined {
  const field = (column: string) => fields[columns.get(column) ?? -1];
  const metric = field("metric_name");
  if (metric === "iterations") return { type: "iteration" };
  if (metric === undefined) return malformed(row, "it has no metric_name");
  const counted = countedMetrics.get(metric);
  if (metric !== requestMetric && counted === undefined) return undefined;

  const wallMs = toNumber(field("timestamp")) / 1000;
  const value = toNumber(field("metric_value"));
  if (!(wallMs > 0)) return malformed(row, "its timestamp is not a time in microseconds");
  if (!(value >= 0)) return malformed(row, "its metric_value is not a number of at least 0");
  if (counted !== undefined) return { type: counted, wallMs, count: value };

  const tags = readTags(field("extra_tags") ?? "");
  // k6 gives tags that bear the name of a system tag, as status does, a column where system tags are on.
  const tag = (name: string) => tags.get(name) ?? field(name) ?? "";
  const status = toNumber(tag("status"));
  const cache = tag("cache");
  const answer = tag("answer");
  if (!Number.isInteger(status) || status < 0 || status > 999) {
    return malformed(row, `its tag status is "${tag("status")}", not an HTTP status or 0`);
  }
  if (!isCacheState(cache)) return malformed(row, `its tag cache is "${cache}", not hit, miss or bypass`);
  if (!isAnswerState(answer)) {
    return malformed(row, `its tag answer is "${answer}", not right, wrong, foreign or stale`);
  }
  return {
    type: "request",
    endWallMs: wallMs,
    durationMs: value,
    status,
    error: tag("error"),
    cache,
    answer,
  };
}

function malformed(row: string, because: string): LoadRow {
  return { type: "malformed", row: row.slice(0, 300), because };
}

/** An empty text is no number; `Number` would take it for 0. */
function toNumber(text: string | undefined): number {
  return text === undefined || text === "" ? Number.NaN : Number(text);
}

/** `status=200&error=&cache=hit`; k6 escapes nothing, so what follows a stray `&` is lost. */
function readTags(text: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const pair of text.split("&")) {
    const equals = pair.indexOf("=");
    if (equals > 0) tags.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  return tags;
}

function hasOpenQuote(row: string): boolean {
  let open = false;
  for (let at = row.indexOf('"'); at !== -1; at = row.indexOf('"', at + 1)) open = !open;
  return open;
}

/** One CSV record (RFC 4180) into its fields. */
function splitRow(row: string): string[] {
  if (!row.includes('"')) return row.split(",");
  const fields: string[] = [];
  let start = 0;
  for (let end = 0; end <= row.length; end++) {
    if (end < row.length && (row[end] !== "," || hasOpenQuote(row.slice(start, end)))) continue;
    fields.push(unquote(row.slice(start, end)));
    start = end + 1;
  }
  return fields;
}

function unquote(field: string): string {
  return field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
}

function isCacheState(value: string): value is Sample["cache"] {
  return cacheStates.has(value);
}

function isAnswerState(value: string): value is Sample["answer"] {
  return answerStates.has(value);
}
