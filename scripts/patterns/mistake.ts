/** What is wrong in a page, and where. */
export interface Mistake {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}
