/** What the user gave does not fit the log, or cannot be read. Tests assert `code`. */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly code:
    | "UNREADABLE_PRICES"
    | "BAD_PRICES"
    | "NO_PRICES"
    | "BAD_EMBEDDER"
    | "BAD_EMBEDDINGS"
    | "NOTHING_REPEATS"
    | "NO_TIMES"
    | "NOT_IN_LOG"
    | "BAD_LOSS"
    | "NOTHING_TO_WRITE"
    | "UNWRITABLE";
  readonly hint: string;

  constructor(code: InputError["code"], message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** What a thrown value says of itself. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // fetch says only that it failed; its cause says why.
  const { cause, message } = thrown;
  return cause instanceof Error && cause.message !== "" ? `${message}: ${cause.message}` : message;
}
