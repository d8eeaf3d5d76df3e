import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ApiError } from "./api-error.ts";
import { answerChat, type ChatServing } from "./chat-completions.ts";
import { answerEmbeddings, type EmbeddingsServing } from "./embeddings.ts";

const maxBodyBytes = 1024 * 1024;

/** The HTTP side of the engine. The caller listens and closes. */
export function createModelServer(serving: ChatServing & EmbeddingsServing): Server {
  const startedAtS = Math.floor(Date.now() / 1000);
  const models = JSON.stringify({
    object: "list",
    data: [serving.model, serving.embeddingsModel].map((id) => ({
      ...{ id, object: "model", created: startedAtS, owned_by: "breakwater" },
    })),
  });
  const health = JSON.stringify({ status: "ok" });

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split("?", 1)[0];
    switch (path) {
      case "/v1/chat/completions":
        requireMethod(request, response, "POST");
        answerChat(serving, request, response, await readBody(request));
        return;
      case "/v1/embeddings":
        requireMethod(request, response, "POST");
        answerEmbeddings(serving, request, response, await readBody(request));
        return;
      case "/v1/models":
        requireMethod(request, response, "GET");
        sendJson(response, 200, models);
        return;
      case "/health/live":
      case "/health/ready":
        requireMethod(request, response, "GET");
        sendJson(response, 200, health);
        return;
      default:
        throw new ApiError(
          404,
          "not_found",
          `Cannot answer "${request.method} ${path}": there is no such route`,
        );
    }
  }

  const server = createServer((request, response) => {
    route(request, response).catch((thrown: unknown) => sendError(response, thrown));
  });
  // Longer than any client keeps an idle connection, so that none is closed under a request just sent.
  server.keepAliveTimeout = 75_000;
  return server;
}

function requireMethod(request: IncomingMessage, response: ServerResponse, method: string): void {
  if (request.method === method || (method === "GET" && request.method === "HEAD")) return;
  response.setHeader("allow", method);
  throw new ApiError(
    405,
    "method_not_allowed",
    `Cannot answer "${request.method} ${request.url}": use ${method}`,
  );
}

/**
 * Rejects where the body is too long, and where the client leaves before its end. A body that is too long is read
 * to its end and dropped: a client that still sends might not see the answer of a connection that closes.
 */
async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes <= maxBodyBytes) chunks.push(buffer);
  }
  if (bytes > maxBodyBytes) {
    throw new ApiError(
      413,
      "body_too_large",
      `Cannot take the request: its body is over ${maxBodyBytes} bytes`,
    );
  }
  return Buffer.concat(chunks).toString("utf8");
}

function sendJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function sendError(response: ServerResponse, thrown: unknown): void {
  if (response.destroyed || response.headersSent) return void response.destroy();
  if (!(thrown instanceof ApiError)) console.error("Cannot answer a request:", thrown);
  const error =
    thrown instanceof ApiError ? thrown : new ApiError(500, "internal_error", "Cannot answer the request");
  if (error.status === 503) response.setHeader("retry-after", "1");
  sendJson(response, error.status, error.body());
}
