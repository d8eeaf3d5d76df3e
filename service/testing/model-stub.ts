import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";

const seen = z.looseObject({
  stream: z.boolean().optional(),
  input: z.array(z.string()).optional(),
});

/** How the stub answers; a test may change it at any time. */
export type StubMode =
  | "ok"
  | "no-text"
  | "error"
  | "unreadable"
  | "silent"
  | "break-stream"
  | "flood"
  | "flood-first";

/** A model server for tests, over real HTTP. Every answer has another generation number. */
export interface ModelStub extends AsyncDisposable {
  readonly url: string;
  mode: StubMode;
  /** What "no-text" says in place of text; null: nothing. */
  refusal: string | null;
  /** Of an error. */
  errorStatus: number;
  /** Of an error: its Retry-After. */
  errorRetryAfter: string | undefined;
  /** So many errors, and then answers. */
  errorsLeft: number;
  /** With which its whole answers end. */
  finishReason: string;
  /** Before it answers, in ms. */
  delayMs: number;
  /** What an answer or an error waits for, a streamed answer after its first piece. */
  held: Promise<void> | undefined;
  /** Of the modes that flood, before or after what is held: how many pieces, and what each is. */
  floodPieces: number;
  floodPiece: string;
  /** Every request body so far. */
  readonly requests: Record<string, unknown>[];
  readonly tenants: (string | undefined)[];
  /** What each request said that its caller has left, in ms. */
  readonly deadlines: (number | undefined)[];
  /** Of every request: the trace that it is a part of. */
  readonly traceparents: (string | undefined)[];
  /** Requests whose connection the service closed before the answer. */
  abandoned: number;
}

/** The embedding that the stub makes of a text: by it, no two texts of a test need be mixed up. */
export function stubVector(text: string): Float32Array {
  const seed = [...text].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 9973, 7);
  return Float32Array.from({ length: 64 }, (_, i) => Math.sin(seed * (i + 1)));
}

/** What the stub answers to its n-th request, counting from 1. */
export function stubAnswer(n: number): string {
  return `Answer number ${n}, in a few words: one two three four five six seven eight nine.`;
}

export async function startModelStub(): Promise<ModelStub> {
  const requests: Record<string, unknown>[] = [];
  const tenants: (string | undefined)[] = [];
  const deadlines: (number | undefined)[] = [];
  const traceparents: (string | undefined)[] = [];
  const server = createServer((req, res) => void handle(req, res));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  const stub: ModelStub = {
    url: `http://127.0.0.1:${port}`,
    mode: "ok",
    refusal: null,
    errorStatus: 500,
    errorRetryAfter: undefined,
    errorsLeft: Number.POSITIVE_INFINITY,
    finishReason: "stop",
    delayMs: 0,
    held: undefined,
    floodPieces: 300,
    floodPiece: "x".repeat(100_000),
    requests,
    tenants,
    deadlines,
    traceparents,
    abandoned: 0,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = seen.parse(JSON.parse(await text(req)));
    requests.push(body);
    const tenant = req.headers["x-tenant"];
    tenants.push(typeof tenant === "string" ? tenant : undefined);
    const deadline = req.headers["x-request-deadline-ms"];
    deadlines.push(deadline === undefined ? undefined : Number(deadline));
    const { traceparent } = req.headers;
    traceparents.push(typeof traceparent === "string" ? traceparent : undefined);
    const n = requests.length;
    res.once("close", () => {
      if (!res.writableEnded) stub.abandoned++;
    });
    setTimeout(() => void answer(res, n, body), stub.delayMs);
  }

  async function answer(
    res: ServerResponse,
    n: number,
    { stream, input }: z.output<typeof seen>,
  ): Promise<void> {
    if (stub.mode === "silent" || res.destroyed) return;
    const json = { "content-type": "application/json" };
    if (stub.mode === "error" && stub.errorsLeft-- > 0) {
      await stub.held;
      const error = { message: "too long for sesame", code: "context_length" };
      if (stub.errorRetryAfter !== undefined) res.setHeader("retry-after", stub.errorRetryAfter);
      res.writeHead(stub.errorStatus, json).end(JSON.stringify({ error }));
      return;
    }
    if (stub.mode === "unreadable") {
      res.writeHead(200, json).end("sesame");
      return;
    }
    if (input !== undefined) {
      const data = input.map((text, index) => ({
        ...{ object: "embedding", index },
        embedding: Buffer.from(stubVector(text).buffer).toString("base64"),
      }));
      const usage = { prompt_tokens: input.length, total_tokens: input.length };
      res.writeHead(200, { ...json, "x-provenance": `generation=${n}` });
      // In no order: the index counts.
      res.end(JSON.stringify({ object: "list", data: data.toReversed(), model: "embed-256", usage }));
      return;
    }
    const head = { id: `x${n}`, created: 1, model: "llama-3-8b" };
    const provenance = { "x-provenance": `generation=${n}` };
    const noText = stub.mode === "no-text";
    const usage = noText ? null : { prompt_tokens: 3, completion_tokens: n, total_tokens: 3 + n };
    if (stream !== true) {
      await stub.held;
      const flood = stub.mode === "flood" ? stub.floodPiece.repeat(stub.floodPieces) : "";
      const text = { content: noText ? null : stubAnswer(n) + flood };
      const message = { role: "assistant", ...text, refusal: noText ? stub.refusal : null };
      const choices = [{ index: 0, message, finish_reason: stub.finishReason }];
      res.writeHead(200, { ...json, ...provenance });
      res.end(JSON.stringify({ ...head, object: "chat.completion", choices, usage }));
      return;
    }
    res.writeHead(200, { "content-type": "text/event-stream", ...provenance });
    const send = (choices: unknown[], more = {}) =>
      res.write(
        `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices, ...more })}\n\n`,
      );
    send([{ index: 0, delta: { role: "assistant", content: noText ? null : "" }, finish_reason: null }]);
    if (noText) {
      for (const refusal of stub.refusal?.split(/(?<= )/) ?? []) send([{ index: 0, delta: { refusal } }]);
      send([{ index: 0, delta: {}, finish_reason: stub.finishReason }], { usage });
      res.end("data: [DONE]\n\n");
      return;
    }
    const [first = "", ...rest] = stubAnswer(n).split(/(?<= )/);
    send([{ index: 0, delta: { content: first }, finish_reason: null }]);
    const flood = () => {
      for (let i = 0; i < stub.floodPieces; i++) send([{ index: 0, delta: { content: stub.floodPiece } }]);
    };
    if (stub.mode === "flood-first") flood();
    await stub.held;
    if (stub.mode === "break-stream") {
      setTimeout(() => res.destroy(), 20);
      return;
    }
    if (stub.mode === "flood") flood();
    for (const piece of rest) send([{ index: 0, delta: { content: piece }, finish_reason: null }]);
    send([{ index: 0, delta: {}, finish_reason: stub.finishReason }]);
    send([], { usage });
    res.end("data: [DONE]\n\n");
  }

  return stub;
}
