import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { z } from "zod";
import type { ServiceUnderTest } from "./service-under-test.ts";

const apiError = z.object({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string().min(1),
    code: z.string().min(1),
    param: z.string().nullable(),
  }),
});

/** A connection on which a test writes bytes as it likes. */
export class RawCaller {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  received = "";

  constructor({ url }: ServiceUnderTest) {
    this.socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("data", (bytes) => (this.received += bytes.toString("latin1")));
    this.socket.on("end", () => this.socket.end());
    // A reset is one way to be refused.
    this.socket.on("error", () => undefined);
    this.closed = once(this.socket, "close");
  }

  send(text: string): this {
    this.socket.write(text);
    return this;
  }

  /** Waits for the other side to close. @returns statuses and codes of the errors of all answers */
  async replies(): Promise<[status: number, code: string][]> {
    await this.closed;
    return this.received
      .split(/(?=HTTP\/1\.1 \d{3})/)
      .filter((reply) => reply !== "")
      .map((reply) => {
        const body = reply.slice(reply.indexOf("\r\n\r\n") + 4);
        const { data } = apiError.safeParse(JSON.parse(body === "" ? "null" : body));
        return [Number(reply.slice(9, 12)), data?.error.code ?? ""];
      });
  }
}

/** A request without a body. */
export const head = (more: readonly string[] = [], line = "GET /health/live HTTP/1.1") =>
  [line, "host: x", ...more, "", ""].join("\r\n");
/** The head of a chat completion. */
export const post = (more: readonly string[]) =>
  head(["content-type: application/json", ...more], "POST /v1/chat/completions HTTP/1.1");
