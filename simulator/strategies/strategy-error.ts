/** A strategy that cannot be replayed on this log, or not at all. Tests assert `code`. */
export class StrategyError extends Error {
  override readonly name = "StrategyError";
  readonly code: "NOT_IN_LOG" | "NOT_COMBINABLE";
  readonly hint: string;

  constructor(code: StrategyError["code"], message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
