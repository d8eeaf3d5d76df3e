/** What a replay is given beside the log and the strategy. */
export interface ReplayContext {
  /** How long the answer to a row takes to make. Absent: no time, so that none is ever joined. */
  readonly answerMs?: Float32Array;
  /** Vectors by key of the strategy's key column, for computed similarity. */
  readonly vectors?: { readonly values: Float32Array; readonly dimensions: number };
  /**
   * Decides whether the entry of a similar request may answer, in place of the strategy's threshold: a calibrated
   * model, say, that also knows the rows. Not for workers: a function cannot be sent to them.
   */
  readonly accepts?: (candidate: { row: number; key: number; score: number }) => boolean;
  /** Cost of a miss by row, for policies that weigh it (GDSF). Absent: the row's tokens. */
  readonly missCost?: Float64Array;
}
