import assert from "node:assert/strict";
import { test } from "node:test";
import { requestFor } from "../testing/service-under-test.ts";
import { ApiError } from "./api-error.ts";
import { checkedChatRequest } from "./chat-request.ts";
import { checkedEmbeddingsRequest } from "./embeddings-request.ts";

const valid = requestFor("x");
const message = (fields: Record<string, unknown>) => ({ messages: [{ role: "user", ...fields }] });
const noContent = "expected a string or an array, but got a number instead";
const roles = 'expected one of "system", "developer", "user", "tool", "assistant", "function"';

/** What callers are told of a field: nothing of how it was checked. */
const chat: readonly [fields: Record<string, unknown>, param: string, text: string][] = [
  [{ model: undefined }, "model", 'Missing required parameter: "model"'],
  [{ model: 7 }, "model", 'Invalid type for "model": expected a string, but got a number instead'],
  [{ model: null }, "model", 'Invalid type for "model": expected a string, but got null instead'],
  [{ model: "" }, "model", 'Invalid value for "model": expected at least 1 characters'],
  [{ messages: {} }, "messages", 'Invalid type for "messages": expected an array, but got an object instead'],
  [{ messages: [] }, "messages", 'Invalid value for "messages": expected at least 1 items'],
  [
    { messages: ["x"] },
    "messages.0",
    'Invalid type for "messages.0": expected an object, but got a string instead',
  ],
  [message({ role: "god" }), "messages.0.role", `Invalid value for "messages.0.role": ${roles}`],
  [message({}), "messages.0.content", 'Missing required parameter: "messages.0.content"'],
  [message({ content: 5 }), "messages.0.content", `Invalid type for "messages.0.content": ${noContent}`],
  [
    message({ content: [] }),
    "messages.0.content",
    'Invalid value for "messages.0.content": expected at least 1 items',
  ],
  [
    message({ content: [{ text: "x" }] }),
    "messages.0.content.0.type",
    'Missing required parameter: "messages.0.content.0.type"',
  ],
  [
    { temperature: "0" },
    "temperature",
    'Invalid type for "temperature": expected a number, but got a string instead',
  ],
  [{ temperature: 3 }, "temperature", 'Invalid value for "temperature": expected at most 2'],
  [
    { max_tokens: 0.5 },
    "max_tokens",
    'Invalid type for "max_tokens": expected an integer, but got a number instead',
  ],
  [{ max_tokens: 0 }, "max_tokens", 'Invalid value for "max_tokens": expected more than 0'],
  [
    { stream: "yes" },
    "stream",
    'Invalid type for "stream": expected true or false, but got a string instead',
  ],
  [{ n: 2 }, "n", 'Invalid value for "n": expected 1'],
  [{ stop: [5] }, "stop.0", 'Invalid type for "stop.0": expected a string, but got a number instead'],
];
const embeddings: typeof chat = [
  [{ input: undefined }, "input", 'Missing required parameter: "input"'],
  [
    { encoding_format: "hex" },
    "encoding_format",
    'Invalid value for "encoding_format": expected one of "float", "base64"',
  ],
];

function toldOf(check: () => unknown): [string | null, string] {
  try {
    check();
  } catch (thrown) {
    assert(thrown instanceof ApiError);
    assert.deepEqual([thrown.status, thrown.code], [400, "invalid_request"]);
    return [thrown.param, thrown.message];
  }
  return assert.fail("nothing is wrong with it");
}

for (const [fields, param, text] of chat) {
  test(`chat completions: ${text}`, () => {
    const told = toldOf(() => checkedChatRequest({ ...valid, ...fields }, valid.model));
    assert.deepEqual(told, [param, text]);
  });
}

for (const [fields, param, text] of embeddings) {
  test(`embeddings: ${text}`, () => {
    const body = { model: "e", input: "x", ...fields };
    const told = toldOf(() => checkedEmbeddingsRequest(body, "e", { maxInputs: 9, maxInputBytes: 99 }));
    assert.deepEqual(told, [param, text]);
  });
}
