/** The two kinds of failure that a user is told of: their input, or the harness and its tools. */
export type ErrorKind = "BAD_INPUT" | "HARNESS_ERROR";

/**
 * A failure that a user is told of.
 *
 * `message` says what was being done, with what, and why it failed; `hint` says what to do.
 * Tests assert `code`, never words.
 */
export class BreakwaterError extends Error {
  override readonly name = "BreakwaterError";
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    options: ErrorOptions & { hint?: string } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.hint = options.hint;
  }
}

/** What a thrown value says of itself, for messages that quote a cause. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
