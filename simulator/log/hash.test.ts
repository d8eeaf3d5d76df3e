import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Hash128 } from "./hash.ts";
import { Interner } from "./interner.ts";
import { TextIds } from "./text-ids.ts";

const hex = (hash: Hash128): string =>
  [hash.h1, hash.h2, hash.h3, hash.h4].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");

test("MurmurHash3 x86 128 has the reference's values", () => {
  assert.equal(hex(new Hash128().ofText("")), "00000000000000000000000000000000");
  assert.equal(hex(new Hash128().ofText("a")), "a794933c5556b01b5556b01b5556b01b");
  assert.equal(
    hex(new Hash128().ofText("The quick brown fox jumps over the lazy dog")),
    "2f1583c3ecee2c675d7bf66ce5e91d2c",
  );
});

test("bytes around a text do not count", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), fc.string(), fc.string(), (text, before, after) => {
      const [start, middle] = [Buffer.from(before), Buffer.from(text)];
      const bytes = Buffer.concat([start, middle, Buffer.from(after), Buffer.alloc(16)]);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const hash = new Hash128().of(view, start.length, start.length + middle.length);
      assert.equal(hex(hash), hex(new Hash128().ofText(text)));
    }),
  );
});

test("tenants and models set equal requests apart", () => {
  const seen = new Set<string>();
  const names = new TextIds();
  const salt = (name: string) => names.saltOf(names.idOfText(name));
  for (let tenant = 0; tenant < 300; tenant++) {
    for (let model = 0; model < 30; model++)
      seen.add(hex(new Hash128().ofText("same").within(salt(`${tenant}`), salt(`${model}`))));
  }
  assert.equal(seen.size, 9000);
});

test("ids are dense, in order of first appearance, and the same for the same", () => {
  const interner = new Interner();
  const hash = new Hash128();
  for (let i = 0; i < 50_000; i++) assert.equal(interner.idOf(hash.ofInteger(i * 4096, i)), i);
  for (let i = 0; i < 50_000; i++) assert.equal(interner.idOf(hash.ofInteger(i * 4096, i)), i);
  assert.equal(interner.size, 50_000);
});

test("texts get one id however they come: as bytes or as text, short or long, seen just now or long ago", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 40, unit: fc.constantFrom("a", "b", "é") }), { maxLength: 300 }),
      (texts) => {
        const ids = new TextIds();
        const expected = new Map<string, number>();
        texts.forEach((text, i) => {
          if (!expected.has(text)) expected.set(text, expected.size);
          const bytes = Buffer.concat([Buffer.from(text), Buffer.from('",more')]);
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
          const id = i % 5 === 0 ? ids.idOfText(text) : ids.idOf(bytes, view, 0, Buffer.byteLength(text));
          assert.equal(id, expected.get(text));
        });
        assert.deepEqual(ids.texts, [...expected.keys()]);
      },
    ),
  );
});
