import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Answer } from "../inference/engine.ts";
import { type CacheReason, cacheReasons, cacheRule, embeddingsRule, isWhole } from "./cacheable.ts";

const messages = [{ role: "user", content: "hi" }];
const settings = { sampled: false };
const ruleFor = (fields: Readonly<Record<string, unknown>>, cacheControl?: string, given = settings) =>
  cacheRule({ model: "m", messages, temperature: 0, ...fields }, cacheControl, given);
const saying = (...content: unknown[]) => ({ messages: [{ role: "user", content }] });
const cacheable = {
  read: true,
  store: true,
  maxAgeMs: undefined,
  onlyIfCached: false,
  reason: "cacheable",
} as const;

function refused(fields: Readonly<Record<string, unknown>>, reason: CacheReason): void {
  assert.deepEqual(
    ruleFor(fields),
    { ...cacheable, read: false, store: false, reason },
    JSON.stringify(fields),
  );
}

describe("what a request asks for", () => {
  test("temperature: 0 is cacheable; more, unset or null (which is 1) is a draw, and not", () => {
    assert.deepEqual(ruleFor({ temperature: 0 }), cacheable);
    for (const temperature of [0.1, 1, undefined, null]) refused({ temperature }, "sampled");
  });

  test("seed: a draw with a seed can be repeated, and is cacheable", () => {
    assert.deepEqual(ruleFor({ temperature: 1, seed: 7 }), cacheable);
    assert.deepEqual(ruleFor({ temperature: undefined, seed: 0 }), cacheable);
    refused({ temperature: 1, seed: null }, "sampled");
  });

  test("BW_CACHE_SAMPLED=on: draws are cacheable, and nothing else changes", () => {
    assert.deepEqual(ruleFor({ temperature: 1 }, undefined, { sampled: true }), cacheable);
    assert.equal(ruleFor({ temperature: 1, n: 2 }, undefined, { sampled: true }).reason, "many-choices");
  });

  test("n: one choice is cacheable, however it is said; more are not", () => {
    for (const n of [1, null, undefined]) assert.deepEqual(ruleFor({ n }), cacheable);
    for (const n of [2, 0, "2", "1"]) refused({ n }, "many-choices");
  });

  test("tools: whatever may lead to a call, or has, is not cacheable", () => {
    for (const field of ["tools", "tool_choice", "functions", "function_call", "web_search_options"])
      refused({ [field]: field.endsWith("s") ? [{}] : "auto" }, "tools");
    refused({ messages: [...messages, { role: "tool", tool_call_id: "1", content: "7" }] }, "tools");
    refused({ messages: [{ role: "assistant", content: null, tool_calls: [{}] }] }, "tools");
    refused({ messages: [{ role: "assistant", content: "", function_call: {} }] }, "tools");
    refused({ messages: [{ role: "function", name: "f", content: "7" }] }, "tools");
    refused({ tools: [{}], tool_choice: "none" }, "tools");
    for (const field of ["tools", "functions"]) {
      for (const value of [null, []]) assert.deepEqual(ruleFor({ [field]: value }), cacheable);
    }
    for (const field of ["tool_choice", "function_call"])
      assert.deepEqual(ruleFor({ [field]: "none" }), cacheable);
  });

  test("logprobs are not kept with an answer, so a request for them is not cacheable", () => {
    refused({ logprobs: true }, "logprobs");
    refused({ top_logprobs: 2 }, "logprobs");
    assert.deepEqual(ruleFor({ logprobs: false, top_logprobs: 0 }), cacheable);
  });

  test("audio: an answer in audio is not cacheable; one in text is", () => {
    refused({ modalities: ["text", "audio"] }, "audio-output");
    refused({ audio: { voice: "x" } }, "audio-output");
    assert.deepEqual(ruleFor({ modalities: ["text"] }), cacheable);
  });

  test("images, audio and files that stand in the request are cacheable", () => {
    assert.deepEqual(
      ruleFor(
        saying(
          { type: "text", text: "what is this?" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          { type: "image_url", image_url: { url: "DATA:image/png;base64,AAAA" } },
          { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } },
          { type: "file", file: { file_data: "AAAA", filename: "x.pdf" } },
        ),
      ),
      cacheable,
    );
  });

  test("images and files that the request only points to are not: what is there may change", () => {
    for (const part of [
      { type: "image_url", image_url: { url: "https://example.com/now.png" } },
      { type: "image_url", image_url: { url: "https://example.com/data:now.png" } },
      { type: "file", file: { file_id: "file-1" } },
      { type: "file", file: { file_id: "file-1", file_data: "AAAA" } },
      { type: "image_url" },
    ])
      refused(saying(part), "remote-content");
  });

  test("content of a kind that is not known is not cacheable", () => {
    refused(saying({ type: "hologram" }), "unknown-content");
    for (const role of ["user", "assistant"]) refused({ messages: [{ role }] }, "unknown-content");
    refused({ messages: [7] }, "unknown-content");
  });

  test("a refusal in the history is text like any other, in place of content or as a part of it", () => {
    const refusal = "I will not";
    for (const said of [
      { content: null, refusal },
      { refusal },
      { content: [{ type: "refusal", refusal }] },
    ]) {
      assert.deepEqual(
        ruleFor({ messages: [...messages, { role: "assistant", ...said }, ...messages] }),
        cacheable,
      );
    }
  });

  test("store: the provider keeps only completions that were made, so it is asked; the answer is stored", () => {
    assert.deepEqual(ruleFor({ store: true }), { ...cacheable, read: false, reason: "provider-store" });
    assert.deepEqual(ruleFor({ store: false }), cacheable);
    // What it makes of this, only the provider knows.
    assert.equal(ruleFor({ store: "true" }).read, false);
  });

  test("stream, stream_options, user and metadata have no say", () => {
    const fields = { stream: true, stream_options: { include_usage: true }, user: "u", metadata: { a: "b" } };
    assert.deepEqual(ruleFor(fields), cacheable);
  });

  test("whatever is in a request, there is a rule, and it never throws", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()), (fields, items) => {
        const { read, store } = cacheRule({ ...fields, model: "m", messages: items }, undefined, settings);
        assert.equal(typeof read, typeof store);
      }),
    );
  });
});

describe("Cache-Control", () => {
  test("no-store: the answer is not stored; one that is there already may be given", () => {
    assert.deepEqual(ruleFor({}, "no-store"), { ...cacheable, store: false, reason: "no-store" });
  });

  test("no-cache: a stored answer is not given; the new one is stored in its place", () => {
    assert.deepEqual(ruleFor({}, "No-Cache"), { ...cacheable, read: false, reason: "no-cache" });
    const { read, store, reason } = ruleFor({}, "no-cache, no-store");
    assert.deepEqual([read, store, reason], [false, false, "no-store"]);
  });

  test("max-age: seconds, the smallest counts, and what cannot be read is 0", () => {
    for (const [header, maxAgeMs] of [
      ["max-age=60", 60_000],
      ['max-age="60"', 60_000],
      [" MAX-AGE = 5 , no-transform", 5000],
      ["max-age=60, max-age=10", 10_000],
      ["max-age=10, max-age=60", 10_000],
      ["max-age=0", 0],
      ["max-age", 0],
      ["max-age=-1", 0],
      ["max-age=soon", 0],
      ["max-age=999999999999999", 3_155_846_400_000],
    ] as const)
      assert.deepEqual(ruleFor({}, header), { ...cacheable, maxAgeMs }, header);
  });

  test("only-if-cached: is told, also where nothing can be cached", () => {
    assert.deepEqual(ruleFor({}, "only-if-cached"), { ...cacheable, onlyIfCached: true });
    assert.equal(ruleFor({ n: 2 }, "only-if-cached").onlyIfCached, true);
  });

  test("other directives, and no header, change nothing", () => {
    for (const header of ["", "max-stale=5", "private, foo=bar,,", "nostore"])
      assert.deepEqual(ruleFor({}, header), cacheable, header);
  });

  test("embeddings follow it too", () => {
    assert.deepEqual(embeddingsRule(undefined), cacheable);
    assert.deepEqual(embeddingsRule("no-store"), { ...cacheable, store: false, reason: "no-store" });
  });
});

describe("what an answer must be to be stored", () => {
  const answer: Answer = { content: "hello", finishReason: "stop", usage: undefined, provenance: undefined };

  test("it came to its end, or to the length that was asked for", () => {
    assert(isWhole(answer));
    assert(isWhole({ ...answer, finishReason: "length" }));
  });

  test("what a filter cut off, a call, or nothing at all is not stored", () => {
    for (const finishReason of ["content_filter", "tool_calls", "function_call", "error", ""])
      assert(!isWhole({ ...answer, finishReason }), finishReason);
    assert(!isWhole({ ...answer, content: "" }));
    assert(!isWhole({ ...answer, refusal: "no" }));
  });
});

test("docs/caching-rules.md has every reason", async () => {
  const page = await readFile(new URL("../../docs/caching-rules.md", import.meta.url), "utf8");
  assert.deepEqual(
    cacheReasons.filter((reason) => !new RegExp(`\\| \`${reason}\` +\\|$`, "m").test(page)),
    [],
  );
});
