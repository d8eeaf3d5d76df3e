import { BreakwaterError } from "../errors.ts";
import { openAppendFile } from "./append-file.ts";
import { phaseNames, type Sample } from "./event.ts";

const flushEveryMs = 250;
const columns = [
  "startMs",
  "durationMs",
  "status",
  "error",
  "phase",
  "cache",
  "answer",
  "source",
  "arm",
  "attempt",
] as const satisfies readonly (keyof Sample)[];
const header = columns.join(",");

const phases: ReadonlySet<string> = new Set<Sample["phase"]>([...phaseNames, ""]);
const cacheResults: ReadonlySet<string> = new Set<Sample["cache"]>(["hit", "miss", "bypass", ""]);
const answers: ReadonlySet<string> = new Set<Sample["answer"]>(["right", "wrong", "foreign", "stale", ""]);

/** Writes samples.csv (RFC 4180 with \n): one row a request, handed to the operating system every 250 ms. */
export interface SamplesWriter {
  /** Never throws, see `broken`. */
  add(sample: Sample): void;
  /** Rejects once, with BreakwaterError JOURNAL_UNWRITABLE, when a write has failed; else stays pending. */
  readonly broken: Promise<never>;
  /** Writes what is left. @throws BreakwaterError JOURNAL_UNWRITABLE, the first failure if there was one */
  close(): void;
}

/** @throws BreakwaterError JOURNAL_UNWRITABLE */
export function openSamples(path: string): SamplesWriter {
  const file = openAppendFile(path);
  let rows = [header];
  const flush = () => {
    if (rows.length === 0) return;
    file.append(`${rows.join("\n")}\n`);
    rows = [];
  };
  flush();
  const timer = setInterval(flush, flushEveryMs);
  timer.unref();
  return {
    broken: file.broken,
    add(sample) {
      rows.push(columns.map((column) => field(sample[column])).join(","));
    },
    close() {
      clearInterval(timer);
      flush();
      file.close();
    },
  };
}

function field(value: string | number): string {
  if (typeof value === "number") return String(Math.round(value * 1000) / 1000);
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/**
 * Reads what `openSamples` wrote. A last row that was cut by a crash is left out, and said so.
 * @throws BreakwaterError JOURNAL_DAMAGED with the row's number for anything else that is not a sample
 */
export function parseSamples(text: string, path: string): { samples: Sample[]; cut: boolean } {
  const samples: Sample[] = [];
  let row = 0;
  let from = 0;
  while (from < text.length) {
    const until = endOfRow(text, from);
    if (until === -1) return { samples, cut: true };
    const line = text.slice(from, until);
    row += 1;
    from = until + 1;
    if (row === 1) {
      if (line !== header) throw damaged(path, row, `its columns are not "${header}"`);
      continue;
    }
    const sample = toSample(line.includes('"') ? quotedFields(line) : line.split(","));
    if (sample === undefined) throw damaged(path, row, `"${line.slice(0, 120)}" is not a sample`);
    samples.push(sample);
  }
  return { samples, cut: false };
}

/** Where the row's newline is: the first one outside quotes; -1 where the text ends before it. */
function endOfRow(text: string, from: number): number {
  let until = text.indexOf("\n", from);
  while (until !== -1 && quotesIn(text.slice(from, until)) % 2 === 1) until = text.indexOf("\n", until + 1);
  return until;
}

function quotesIn(text: string): number {
  return text.includes('"') ? text.split('"').length - 1 : 0;
}

/** The fields of a row in which some are quoted; none where the quotes are not as this program writes them. */
function quotedFields(line: string): string[] {
  const fields = line.match(/("(?:[^"]|"")*"|[^",]*)(?:,|$)/g) ?? [];
  // A row that does not end in a comma has one empty match at its end.
  const whole = line.endsWith(",") ? fields : fields.slice(0, -1);
  if (whole.join("") !== line) return [];
  return whole.map((part) => {
    const text = part.endsWith(",") ? part.slice(0, -1) : part;
    return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
  });
}

function toSample(fields: readonly string[]): Sample | undefined {
  const [startMs, durationMs, status, error, phase, cache, answer, source, arm, attempt] = fields;
  if (fields.length !== columns.length) return undefined;
  if (error === undefined || source === undefined || arm === undefined) return undefined;
  if (!isPhase(phase) || !isCacheResult(cache) || !isAnswer(answer)) return undefined;
  const numbers = { startMs: number(startMs), durationMs: number(durationMs), status: number(status) };
  const sample = { ...numbers, error, phase, cache, answer, source, arm, attempt: number(attempt) };
  const whole = [sample.startMs, sample.durationMs, sample.status, sample.attempt].every(Number.isFinite);
  return whole ? sample : undefined;
}

/** NaN where the text is empty, unlike Number(). */
function number(text: string | undefined): number {
  return text === undefined || text === "" ? Number.NaN : Number(text);
}

function isPhase(text: string | undefined): text is Sample["phase"] {
  return text !== undefined && phases.has(text);
}

function isCacheResult(text: string | undefined): text is Sample["cache"] {
  return text !== undefined && cacheResults.has(text);
}

function isAnswer(text: string | undefined): text is Sample["answer"] {
  return text !== undefined && answers.has(text);
}

function damaged(path: string, row: number, why: string): BreakwaterError {
  return new BreakwaterError("HARNESS_ERROR", "JOURNAL_DAMAGED", `Cannot read "${path}", row ${row}: ${why}`);
}
