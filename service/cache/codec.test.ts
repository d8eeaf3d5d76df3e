import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Answer } from "../inference/engine.ts";
import { answerValue } from "./answer-value.ts";
import { jsonCodec } from "./codec.ts";
import type { Entry } from "./tier.ts";

const { decode, encode } = jsonCodec(answerValue);
const text = fc.string({ unit: "grapheme" });
const plain = { noNullPrototype: true };
const usage = fc.record(
  { prompt_tokens: fc.nat(), completion_tokens: fc.nat(), total_tokens: fc.nat() },
  plain,
);
const answer = fc.record(
  {
    content: text,
    finishReason: fc.constantFrom("stop", "length"),
    usage: fc.option(usage, { nil: undefined }),
    provenance: fc.option(text, { nil: undefined }),
  },
  plain,
);
const entries: fc.Arbitrary<Entry<Answer>> = fc.record(
  {
    value: answer,
    storedAt: fc.nat(),
    freshForMs: fc.nat(),
    computeMs: fc.nat(),
    epoch: fc.nat(),
    scopes: fc.array(text),
  },
  plain,
);

test("what was encoded is decoded again", () => {
  fc.assert(fc.property(entries, (entry) => assert.deepEqual(decode(encode(entry)), entry)));
});

test("an entry with any one bit flipped is no entry", () => {
  fc.assert(
    fc.property(entries, fc.nat(), (entry, at) => {
      const bytes = encode(entry);
      const bit = at % (bytes.length * 8);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.equal(decode(bytes), undefined);
    }),
  );
});

test("a truncated entry, and bytes that are not ours, are no entry", () => {
  fc.assert(
    fc.property(entries, fc.nat(), fc.uint8Array(), (entry, at, foreign) => {
      const bytes = encode(entry);
      assert.equal(decode(bytes.subarray(0, at % bytes.length)), undefined);
      assert.equal(decode(Buffer.from(foreign)), undefined);
    }),
  );
});
