/** An error as OpenAI's API tells it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly type: "invalid_request_error" | "server_error";
  readonly code: string;
  readonly param: string | null;

  constructor(status: number, code: string, message: string, param: string | null = null) {
    super(message);
    this.status = status;
    this.type = status < 500 ? "invalid_request_error" : "server_error";
    this.code = code;
    this.param = param;
  }

  /** The response's JSON text. */
  body(): string {
    const { message, type, param, code } = this;
    return JSON.stringify({ error: { message, type, param, code } });
  }
}
