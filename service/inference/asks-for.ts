import type { ChatRequest } from "./engine.ts";

/** How the API writes in a field that nothing is asked for by it: `logprobs: false`, `tool_choice: "none"`. */
const nothing: readonly unknown[] = [undefined, null, false, 0, "none"];

/** Whether a request asks for something by a field. Clients write many out that ask for nothing. */
export function asksFor(request: ChatRequest, field: string): boolean {
  const value = request[field];
  return Array.isArray(value) ? value.length > 0 : !nothing.includes(value);
}
