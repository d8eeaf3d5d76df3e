interface ApiErrorDetails {
  readonly type?: string;
  /** The field of the request that is wrong. */
  readonly param?: string;
  readonly retryAfterMs?: number;
}

/** An error as the OpenAI API writes it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly type: string;
  readonly param: string | null;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, code: string, message: string, details: ApiErrorDetails = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.type = details.type ?? (status < 500 ? "invalid_request_error" : "server_error");
    this.param = details.param ?? null;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** The response's body. */
  body() {
    return { error: { message: this.message, type: this.type, code: this.code, param: this.param } };
  }
}
