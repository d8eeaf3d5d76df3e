import { hash } from "node:crypto";
import type { EmbeddingsRequest } from "../inference/embeddings-engine.ts";
import type { ChatRequest } from "../inference/engine.ts";

/** How an answer is delivered, and for whom and where it is accounted, does not change the answer. */
const accounts = [
  "user",
  "metadata",
  "store",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
];
const chatDelivery = new Set(["stream", "stream_options", ...accounts]);

const embeddingDelivery = new Set(["encoding_format", ...accounts]);

/** They carry the version of the stored format: two versions of the service do not read each other's entries. */
const answerPrefix = "answer:4:";
const embeddingPrefix = "embedding:4:";

/** As a key is written, of any version of the stored format. */
export const keyPattern = /^(answer|embedding):\d{1,4}:[0-9a-f]{64}$/;

/** Whether a key is an answer's, and no embedding's. */
export function isAnswerKey(key: string): boolean {
  return key.startsWith("answer:");
}

/**
 * The key of an answer: a hash over tenant, model epoch and canonical request, the model included.
 *
 * Every field counts but those of delivery, also the ones that this service does not know, and a default that is
 * written out counts as another request than one that leaves it out: two requests that may differ in their answer
 * never share an entry. What is the same after reading JSON (1 and 1.0, the order of members) is the same to the
 * model too, since it is sent what was read.
 *
 * @param modelEpoch another one, and every answer from before is out of reach at once
 */
export function cacheKey(tenant: string, request: ChatRequest, modelEpoch: string): string {
  return answerPrefix + digest([tenant, modelEpoch], request, chatDelivery);
}

/**
 * The key of one input's embedding, by the same rules. `request` is the rest of the request; how a vector is written
 * for its way (`encoding_format`) is no part of it.
 */
export function embeddingKey(
  tenant: string,
  request: EmbeddingsRequest,
  input: string,
  modelEpoch: string,
): string {
  return embeddingPrefix + digest([tenant, modelEpoch, input], request, embeddingDelivery);
}

function digest(parts: readonly string[], request: object, without: ReadonlySet<string>): string {
  return hash("sha256", JSON.stringify(parts) + canonicalMembers(request, without), "hex");
}

/**
 * JSON with the keys of every object in code-unit order and without undefined members.
 *
 * Texts are kept as they were sent: letters that only look alike are different tokens to a model. JSON.stringify
 * escapes lone surrogates, so that none of them are the same.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  return canonicalMembers(value, nothing);
}

const nothing: ReadonlySet<string> = new Set();

function canonicalMembers(value: object, without: ReadonlySet<string>): string {
  const members = Object.entries(value)
    .filter(([name, member]) => member !== undefined && !without.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
