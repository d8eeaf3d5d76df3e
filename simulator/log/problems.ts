const examplesKept = 10;

/** Noted of a request that a cache has answered: how long the model takes is not known of it. */
export const answeredFromCache = "answered from a cache: its latency left out";

/** Invalidations of answers of which the log does not say what they drop: a replay keeps these answers. */
export const notReplayed = {
  byTag: "invalidation by tag: not replayed",
  byModel: "invalidation by model: not replayed",
} as const;

/** What was wrong with a log, without a word of its texts. */
export class Problems {
  /** The line being read, from 1; a record's number in binary formats. */
  line = 0;
  records = 0;
  malformed = 0;
  /** Requests whose answers the log's own rule lets into a cache. */
  ruled = 0;
  examples: { readonly line: number; readonly reason: string }[] = [];
  skipped: Record<string, number> = {};

  /** Counts the current line as malformed. `reason` quotes nothing from it. */
  reject(reason: string): void {
    this.malformed++;
    if (this.examples.length < examplesKept) this.examples.push({ line: this.line, reason });
  }

  /** A latency as it is; NaN, and counted, where it is below zero. */
  latency(ms: number): number {
    if (ms < 0) this.note("latency below zero: left out");
    return ms >= 0 && ms !== Number.POSITIVE_INFINITY ? ms : Number.NaN;
  }

  /** Adds the problems of the lines that come next, whose lines count from 1. */
  add(next: Pick<Problems, "line" | "records" | "malformed" | "ruled" | "examples" | "skipped">): void {
    for (const { line, reason } of next.examples) {
      if (this.examples.length < examplesKept) this.examples.push({ line: this.line + line, reason });
    }
    for (const [reason, count] of Object.entries(next.skipped)) {
      this.skipped[reason] = (this.skipped[reason] ?? 0) + count;
    }
    this.line += next.line;
    this.records += next.records;
    this.malformed += next.malformed;
    this.ruled += next.ruled;
  }

  clear(): void {
    this.line = 0;
    this.records = 0;
    this.malformed = 0;
    this.ruled = 0;
    this.examples = [];
    this.skipped = {};
  }

  /** Counts the current record as well-formed, and no request to replay (or known only in part). */
  note(reason: string): void {
    this.skipped[reason] = (this.skipped[reason] ?? 0) + 1;
  }
}

/** Examples as a user is told of them: the lines with the same reason in one. */
export function tellExamples(examples: Readonly<Problems["examples"]>): string[] {
  const byReason = Map.groupBy(examples, ({ reason }) => reason);
  return [...byReason].map(([reason, of]) => {
    const lines = of.map(({ line }) => line);
    return lines.length === 1 ? `line ${lines[0]} ${reason}` : `lines ${lines.join(", ")}: each ${reason}`;
  });
}
