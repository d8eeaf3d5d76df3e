import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./api-error.ts";
import { type ChatServing, endAfter, readDeadline, readTenant } from "./chat-completions.ts";
import { promptTokens } from "./content.ts";
import { embeddingVector } from "./embedding-vectors.ts";
import { parseEmbeddingsRequest } from "./embeddings-request.ts";

/** What embeddings are made with: the engine of the chat model, under a name of their own. */
export interface EmbeddingsServing extends Omit<ChatServing, "model"> {
  readonly embeddingsModel: string;
}

/**
 * Answers one request for embeddings once the engine has read its inputs: each is a prompt of which no more than
 * one token is made, in the batches of all the others. Throws an ApiError where it cannot be taken in. A client that
 * leaves frees its places.
 */
export function answerEmbeddings(
  serving: EmbeddingsServing,
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): void {
  const { model, inputs, base64, dimensions } = parseEmbeddingsRequest(body);
  const { embeddingsModel, version, engine, contextTokens, maxQueue } = serving;
  if (model !== embeddingsModel) {
    throw new ApiError(404, "model_not_found", `The model "${model}" does not exist`, "model");
  }
  const tenant = readTenant(request);
  const deadlineMs = readDeadline(request);
  const tokens = inputs.map((text) => promptTokens([{ role: "user", text }]));
  const tooLong = tokens.findIndex((count) => count > contextTokens);
  if (tooLong !== -1) {
    throw new ApiError(
      400,
      "context_length_exceeded",
      `Cannot take an input of ${tokens[tooLong]} tokens: it is over ${contextTokens}`,
      "input",
    );
  }
  if (engine.queued() >= maxQueue) {
    throw new ApiError(503, "queue_full", `Cannot take the request: ${maxQueue} others wait already`);
  }

  function send(): void {
    const data = inputs.map((text, index) => {
      const vector = embeddingVector(embeddingsModel, version, text, dimensions);
      const embedding = base64 ? Buffer.from(vector.buffer).toString("base64") : [...vector];
      return { object: "embedding", index, embedding };
    });
    const total = tokens.reduce((sum, count) => sum + count, 0);
    const usage = { prompt_tokens: total, total_tokens: total };
    const text = JSON.stringify({ object: "list", data, model, usage });
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      "x-provenance": serving.provenance(tenant),
    });
    response.end(text);
  }

  let unread = inputs.length;
  const sequences = tokens.map((count) => ({
    promptTokens: count,
    outputTokens: 1,
    onToken: () => {
      unread -= 1;
      if (unread === 0) send();
    },
  }));
  response.once("close", () => {
    for (const sequence of sequences) engine.cancel(sequence);
  });
  if (deadlineMs !== undefined) endAfter(deadlineMs, response);
  for (const sequence of sequences) engine.submit(sequence);
}
