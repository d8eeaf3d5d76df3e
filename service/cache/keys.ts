import { createHash } from "node:crypto";
import type { ChatRequest } from "../inference/engine.ts";

/** How an answer is delivered, and for whom it is accounted, does not change the answer. */
const delivery = new Set(["stream", "stream_options", "user"]);

/**
 * The key of an answer: a hash over tenant and canonical request, the model included.
 *
 * Every other field counts, also those this service does not know: two requests that differ in anything
 * that may change the answer never share an entry. The prefix carries the version of the stored format, so
 * two versions of the service do not read each other's entries during a rollout.
 */
export function cacheKey(tenant: string, request: ChatRequest): string {
  const fields = Object.entries(request).filter(([name]) => !delivery.has(name));
  const text = canonicalJson([tenant, Object.fromEntries(fields)]);
  return `answer:2:${createHash("sha256").update(text).digest("hex")}`;
}

/** JSON with the keys of every object in code-unit order and without undefined members. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
