const examplesKept = 10;

/** What was wrong with a log, without a word of its texts. */
export class Problems {
  /** The line being read, from 1; a record's number in binary formats. */
  line = 0;
  records = 0;
  malformed = 0;
  readonly examples: { readonly line: number; readonly reason: string }[] = [];
  readonly skipped: Record<string, number> = {};

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

  /** Counts the current record as well-formed, and no request to replay (or known only in part). */
  note(reason: string): void {
    this.skipped[reason] = (this.skipped[reason] ?? 0) + 1;
  }
}
