import { isRecord } from "./usage.ts";

/** How an answer is delivered, and for whom it is accounted, does not change the answer. */
const delivery = new Set([
  "stream",
  "stream_options",
  "user",
  "safety_identifier",
  "prompt_cache_key",
  "metadata",
  "store",
]);

/** Who asks, as OpenAI's requests have it: `user`, and since 2025 `safety_identifier`. Undefined: not said. */
export function requestingUser(request: unknown): string | undefined {
  if (!isRecord(request)) return undefined;
  const user = request.safety_identifier ?? request.user;
  return typeof user === "string" && user !== "" ? user : undefined;
}

/** The text that two requests share exactly when they ask the same: members in code-unit order, delivery left out. */
export function canonicalRequest(request: unknown): string {
  return isRecord(request) ? canonicalJson(request, identity, delivery) : canonicalJson(request, identity);
}

/** As canonicalRequest, and blind to case, white space and Unicode's compatible forms (NFKC). */
export function normalisedRequest(request: unknown): string {
  return isRecord(request)
    ? canonicalJson(request, normalised, delivery)
    : canonicalJson(request, normalised);
}

export function normalised(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/\s+/gu, " ").trim();
}

/** What an engine reads first to last, as text: tools, then the messages (or the bare prompt). */
export function promptText(request: unknown): string {
  if (!isRecord(request)) return canonicalJson(request, identity);
  const parts = [
    request.tools,
    request.system ?? request.instructions ?? request.systemInstruction ?? request.system_instruction,
    request.messages ?? request.input ?? request.prompt ?? request.contents,
  ];
  return parts
    .filter((part) => part !== undefined && part !== null)
    .map((part) => canonicalJson(part, identity))
    .join("");
}

/**
 * What a reader would read of a request, as plain text, for embedding: the texts of its instructions and messages one a
 * line, in their order; or the bare prompt. Empty where it has none.
 */
export function textToRead(request: unknown): string {
  if (!isRecord(request)) return typeof request === "string" ? request : "";
  return [
    request.system ?? request.instructions ?? request.systemInstruction ?? request.system_instruction,
    request.messages ?? request.input ?? request.prompt ?? request.contents,
  ]
    .flatMap(textsIn)
    .join("\n");
}

/** The texts of a message, a part of one, or a list of these; images and the like have none. */
function textsIn(part: unknown): string[] {
  if (typeof part === "string") return [part];
  if (Array.isArray(part)) return part.flatMap(textsIn);
  return isRecord(part) ? textsIn(part.content ?? part.parts ?? part.text) : [];
}

function canonicalJson(
  value: unknown,
  ofText: (text: string) => string,
  leftOut?: ReadonlySet<string>,
): string {
  if (typeof value === "string") return JSON.stringify(ofText(value));
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, ofText)).join(",")}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? "null";
  let text = "{";
  for (const name of Object.keys(value).sort()) {
    if (leftOut?.has(name)) continue;
    text += `${text.length > 1 ? "," : ""}${JSON.stringify(name)}:${canonicalJson(value[name], ofText)}`;
  }
  return `${text}}`;
}

function identity(text: string): string {
  return text;
}
