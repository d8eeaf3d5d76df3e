import {
  createServer,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Socket } from "node:net";
import { ApiError } from "../routes/api-error.ts";

/** What one connection may cost. */
export interface HttpLimits {
  /** One more is closed as it comes. */
  readonly maxConnections: number;
  /** The answer to the last one closes the connection, so that callers spread over new replicas again. */
  readonly maxRequestsPerConnection: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** From a request's first byte to the end of its headers. */
  readonly headersTimeoutMs: number;
  /** From a request's first byte to the end of its body. */
  readonly requestTimeoutMs: number;
  /** How long a connection is kept between requests. */
  readonly keepAliveMs: number;
  /** How long nothing may move in either direction while a request is under way. */
  readonly idleMs: number;
}

/** Why a connection ended without a request that could be answered by a route. */
export type Refusal = "connections" | "headers-too-large" | "too-slow" | "malformed" | "idle";

/** How often slow senders are looked for. Node's default is 30 s, whatever the timeouts are. */
const checkEveryMs = 500;
/** After which a peer that went away without a word is looked for by TCP itself. */
const tcpProbeAfterMs = 30_000;

/**
 * An HTTP server that bounds what callers can hold: connections, headers, and time to send and to read.
 * What never becomes a request is answered as the API writes errors wherever HTTP still allows an answer.
 */
export function limitedServer(
  limits: HttpLimits,
  listener: RequestListener,
  onRefusal: (reason: Refusal) => void,
): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: checkEveryMs,
      keepAliveTimeout: limits.keepAliveMs,
      keepAlive: true,
      keepAliveInitialDelay: tcpProbeAfterMs,
      // Node's own refusal has no body; ours is in server.ts.
      requireHostHeader: false,
    },
    listener,
  );
  server.maxConnections = limits.maxConnections;
  // Some versions of Node leave out, without a word, those above; one more is read, so that the request can be
  // refused.
  server.maxHeadersCount = limits.maxHeaders + 1;
  server.timeout = limits.idleMs;

  const latest = new WeakMap<Socket, ServerResponse>();
  /** By their order: of requests that were sent without waiting, only the first is being answered. */
  const unanswered = new WeakMap<Socket, Set<ServerResponse>>();
  const requests = new WeakMap<Socket, number>();
  server.prependListener("request", ({ socket }, res) => {
    latest.set(socket, res);
    const open = unanswered.get(socket) ?? new Set();
    unanswered.set(socket, open.add(res));
    res.once("close", () => open.delete(res));
    const count = (requests.get(socket) ?? 0) + 1;
    requests.set(socket, count);
    // Node's own limit answers those beyond it with a 503 that has no body.
    if (count >= limits.maxRequestsPerConnection) res.setHeader("connection", "close");
  });
  server.on("drop", () => onRefusal("connections"));
  server.on("timeout", (socket: Socket) => {
    // Between requests that is the ordinary end of a connection.
    if (latest.get(socket)?.writableFinished === false) onRefusal("idle");
    socket.destroy();
  });
  server.on("clientError", (thrown: NodeJS.ErrnoException, socket: Socket) => {
    if (thrown.code === "ECONNRESET" || thrown.code === "EPIPE") return void socket.destroy();
    const [reason, error] = refusalOf(thrown.code);
    onRefusal(reason);
    // The middle of another answer is no place for an error, nor is it one to a request that is answered already.
    const answering = [...(unanswered.get(socket) ?? [])].some(({ headersSent }) => headersSent);
    const { req, writableFinished } = latest.get(socket) ?? {};
    const answered = writableFinished === true && req?.complete === false;
    if (!socket.writable || answering || answered) return void socket.destroy();
    socket.end(rawResponse(error), () => socket.destroy());
  });
  server.on("checkExpectation", (_req, res: ServerResponse) => {
    onRefusal("malformed");
    sendError(res, new ApiError(417, "expectation_failed", "Only 100-continue may be expected"));
  });
  return server;
}

function sendError(res: ServerResponse, error: ApiError): void {
  const body = JSON.stringify(error.body());
  res.writeHead(error.status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  });
  res.end(body);
}

/** By the codes of Node's HTTP parser and of its timeouts. */
function refusalOf(code: string | undefined): [Refusal, ApiError] {
  if (code === "HPE_HEADER_OVERFLOW") {
    return [
      "headers-too-large",
      new ApiError(431, "headers_too_large", "The headers are too large or too many"),
    ];
  }
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") {
    return ["headers-too-large", new ApiError(413, "body_too_large", "The chunk extensions are too large")];
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return ["too-slow", new ApiError(408, "request_timeout", "The request did not arrive in time")];
  }
  return ["malformed", new ApiError(400, "malformed_http", "This is not HTTP/1.1 as it is written")];
}

function rawResponse(error: ApiError): string {
  const body = JSON.stringify(error.body());
  return [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}
