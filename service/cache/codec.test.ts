import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { crc32, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import type { Answer } from "../inference/engine.ts";
import { answerKind } from "./answer-value.ts";
import { entryCodec } from "./codec.ts";
import type { Entry } from "./tier.ts";
import type { ValueKind } from "./value-kind.ts";

const settings = { compressFromBytes: 300, maxValueBytes: 10_000 };
const { decode, encode } = entryCodec(answerKind, settings, () => undefined);
const text = fc.string({ unit: "grapheme" });
const plain = { noNullPrototype: true };
const usage = fc.record(
  { prompt_tokens: fc.nat(), completion_tokens: fc.nat(), total_tokens: fc.nat() },
  plain,
);
const answer = fc.record(
  {
    content: fc.oneof(
      text,
      // Long enough to be compressed.
      text.map((piece) => piece.repeat(20)),
    ),
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
const entryOf = (content: string): Entry<Answer> => ({
  value: { content, finishReason: "stop", usage: undefined, provenance: undefined },
  ...{ storedAt: 1, freshForMs: 2, computeMs: 3, epoch: 4, scopes: ["tenant:a"] },
});

/** Bytes with a right version and checksum around any body. */
function sealed(flags: number, body: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.of(flags), body]);
  const head = Buffer.alloc(5);
  head.writeUInt8(3);
  head.writeUInt32BE(crc32(rest), 1);
  return Buffer.concat([head, rest]);
}

test("what was encoded is decoded again, compressed or not", () => {
  fc.assert(fc.property(entries, (entry) => assert.deepEqual(decode(encode(entry)), { entry })));
});

test("an entry with any one bit flipped is no entry", () => {
  fc.assert(
    fc.property(entries, fc.nat(), (entry, at) => {
      const bytes = encode(entry);
      const bit = at % (bytes.length * 8);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.deepEqual(decode(bytes), { damage: bit < 8 ? "version" : "checksum" });
    }),
  );
});

test("a truncated entry, and bytes that are not ours, are no entry", () => {
  fc.assert(
    fc.property(entries, fc.nat(), fc.uint8Array(), (entry, at, foreign) => {
      const bytes = encode(entry);
      assert("damage" in decode(bytes.subarray(0, at % bytes.length)));
      assert("damage" in decode(Buffer.from(foreign)));
    }),
  );
});

test("whatever stands behind a right checksum, decoding does not throw", () => {
  fc.assert(
    fc.property(fc.nat(3), fc.uint8Array(), (flags, body) => {
      const decoded = decode(sealed(flags, body));
      assert("damage" in decoded && ["short", "unreadable"].includes(decoded.damage));
    }),
  );
  const otherShape = Buffer.from('{"storedAt":1}');
  assert.deepEqual(decode(sealed(0, Buffer.concat([Buffer.of(0, 0, 0, otherShape.length), otherShape]))), {
    damage: "unreadable",
  });
});

test("what is too short to say anything, or says that it is longer than it is, is no entry", () => {
  for (let length = 0; length <= 6; length++) {
    assert.deepEqual(decode(Buffer.alloc(length, 3)), { damage: "short" }, `${length} bytes`);
  }
  const bytes = encode(entryOf(""));
  const body = bytes.subarray(6);
  assert.equal(body.readUInt32BE(0), body.length - 4);
  assert("entry" in decode(sealed(0, body)));
  body.writeUInt32BE(body.length - 3, 0);
  assert.deepEqual(decode(sealed(0, body)), { damage: "unreadable" });
});

test("large entries are compressed, small ones are not, and it is told by how much", () => {
  const told: [number, number][] = [];
  const telling = entryCodec(answerKind, settings, (...bytes) => told.push(bytes));
  const small = telling.encode(entryOf("x".repeat(10)));
  const large = telling.encode(entryOf("x".repeat(5000)));
  assert(small.includes("xxxxxxxxxx"));
  assert(large.length < 500, `${large.length}`);
  const [[smallPlain, smallStored] = [], [largePlain = 0, largeStored] = []] = told;
  assert.equal(smallStored, (smallPlain ?? 0) + 1);
  assert(largePlain > 5000 && largeStored === large.length - 5);
  const from = (compressFromBytes: number) =>
    entryCodec(answerKind, { ...settings, compressFromBytes }, () => undefined);
  assert(from(largePlain).encode(entryOf("x".repeat(5000))).length === large.length);
  assert(from(largePlain + 1).encode(entryOf("x".repeat(5000))).length > 5000);
});

test("what does not become smaller is stored as it is", () => {
  const asBytes: ValueKind<Uint8Array> = {
    toParts: (bytes) => ({ meta: null, bytes }),
    fromParts: ({ bytes }) => Uint8Array.from(bytes),
    ...{ storedBytes: ({ length }) => length, heapBytes: ({ length }) => length, frozen: (bytes) => bytes },
  };
  const told: [plainBytes: number, storedBytes: number][] = [];
  const codec = entryCodec(asBytes, settings, (...bytes) => told.push(bytes));
  const { value: _, ...about } = entryOf("");
  const entry = { ...about, value: Uint8Array.from(randomBytes(5000)) };
  assert.deepEqual(codec.decode(codec.encode(entry)), { entry });
  const [[plainBytes = 0, storedBytes] = []] = told;
  // A byte of flags, and nothing of zstd's.
  assert.equal(storedBytes, plainBytes + 1);
});

test("a small entry that claims to unpack to a huge one is damage, and takes no memory", () => {
  const bomb = sealed(1, zstdCompressSync(Buffer.alloc(200_000_000)));
  assert(bomb.length < 50_000);
  const before = process.memoryUsage().rss;
  assert.deepEqual(decode(bomb), { damage: "too-large" });
  assert(process.memoryUsage().rss - before < 100_000_000);
  assert.deepEqual(decode(sealed(0, Buffer.alloc(100_000))), { damage: "too-large" });
});

test("an entry that would not be read back is not written", () => {
  assert.doesNotThrow(() => encode(entryOf("x".repeat(10_000))));
  assert.throws(() => encode(entryOf("x".repeat(10_001))));
  assert.throws(() => encode({ ...entryOf("x"), scopes: ["x".repeat(70_000)] }));
  const largest = { ...entryOf("x".repeat(10_000)), scopes: ["x".repeat(60_000)] };
  assert.deepEqual(decode(encode(largest)), { entry: largest });
});
