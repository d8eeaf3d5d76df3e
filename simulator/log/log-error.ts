/**
 * A log cannot be read. `message` says what was being done, with what, and why it failed; `hint` what to do.
 *
 * Codes: NO_SUCH_LOG, UNREADABLE, UNKNOWN_FORMAT, TOO_MANY_MALFORMED, EMPTY_LOG, TOO_MANY_MODELS, BAD_COLUMN_MAP.
 */
export class LogError extends Error {
  override readonly name = "LogError";
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: ErrorOptions & { hint?: string } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}
