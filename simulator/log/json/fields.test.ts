import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FieldScanner, fieldKind } from "./fields.ts";

const names = ["time", "model", "request", "tokens", "é", 'a"b'];

/** Scans lines one after another, as a log is: so that each is first compared with the one before. */
function scanAll(lines: readonly string[]): (Record<string, unknown> | undefined)[] {
  const text = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  const bytes = new Uint8Array(text.length + 16);
  bytes.set(text);
  const scanner = new FieldScanner(names);
  scanner.use(bytes, new DataView(bytes.buffer));
  const found: (Record<string, unknown> | undefined)[] = [];
  for (let at = 0; at < text.length; ) {
    const lineFeed = text.indexOf(0x0a, at);
    const end = scanner.scan(at);
    if (end >= 0) assert.equal(end, lineFeed);
    found.push(end < 0 ? undefined : fieldsOf(scanner, text));
    at = lineFeed + 1;
  }
  return found;
}

function fieldsOf(scanner: FieldScanner, text: Buffer): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  names.forEach((name, i) => {
    const kind = scanner.kind[i];
    if (kind === fieldKind.absent) return;
    const quotes = kind === fieldKind.string ? 1 : 0;
    const raw = text.toString("utf8", (scanner.start[i] ?? 0) - quotes, (scanner.end[i] ?? 0) + quotes);
    const value: unknown = JSON.parse(raw);
    const is = typeof value;
    if (kind === fieldKind.number) {
      assert.ok(Object.is(scanner.number[i], value), `${scanner.number[i]} is ${value}`);
    }
    if (kind === fieldKind.string) {
      assert.equal(is, "string");
      assert.equal(scanner.hasEscapes(i), raw.includes("\\"));
    }
    assert.equal(kind === fieldKind.array, Array.isArray(value));
    assert.equal(kind === fieldKind.null, value === null);
    assert.equal(kind === fieldKind.true || kind === fieldKind.false, is === "boolean");
    fields[name] = value;
  });
  return fields;
}

/** What JSON.parse has to say of the line. */
function expected(line: string): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entries = new Map(Object.entries(value));
  return Object.fromEntries(
    names.filter((name) => entries.has(name)).map((name) => [name, entries.get(name)]),
  );
}

const anyValue = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => Math.round(value * 100) / 100),
  fc.string({ unit: "binary" }),
);
const name = fc.oneof(fc.constantFrom(...names), fc.string());
const members = fc.array(fc.tuple(name, anyValue), { maxLength: 8 });
const space = fc.constantFrom("", "", "", " ", "\t", " \r");

/** Objects as text, with any white space and members named twice. */
const objectText = fc.tuple(members, fc.infiniteStream(space)).map(([list, spaces]) => {
  const next = (): string => spaces.next().value ?? "";
  const texts = list.map(
    ([key, value]) => `${next()}${JSON.stringify(key)}${next()}:${next()}${JSON.stringify(value)}`,
  );
  return `${next()}{${texts.join(`${next()},`)}${next()}}${next()}`;
});

test("objects of any shape come out as JSON.parse has them", () => {
  fc.assert(
    fc.property(fc.array(objectText, { minLength: 1, maxLength: 4 }), (lines) => {
      assert.deepEqual(scanAll(lines), lines.map(expected));
    }),
    { numRuns: 1000 },
  );
});

test("lines alike in shape come out as JSON.parse has them, each compared with the one before", () => {
  const line = fc
    .tuple(anyValue, fc.string(), fc.integer(), fc.constantFrom('"é":1,', "", '"other":{"time":2},'))
    .map(
      ([time, model, tokens, more]) =>
        `{"time":${JSON.stringify(time)},${more}"model":${JSON.stringify(model)}, "tokens":${tokens}}`,
    );
  fc.assert(
    fc.property(fc.array(line, { minLength: 2, maxLength: 12 }), (lines) => {
      assert.deepEqual(scanAll(lines), lines.map(expected));
    }),
    { numRuns: 500 },
  );
});

test("a line with bytes changed, lost or added is accepted exactly when JSON.parse accepts it", () => {
  const change = fc.record({
    at: fc.nat(),
    remove: fc.integer({ min: 0, max: 2 }),
    insert: fc.oneof(
      fc.constant(""),
      fc.constantFrom(...'{}[]",:0.-+eE1\\ntu/\u0001\u007f '),
      fc.string({ maxLength: 2 }),
    ),
  });
  fc.assert(
    fc.property(objectText, fc.array(change, { minLength: 1, maxLength: 2 }), (text, changes) => {
      let broken = text;
      for (const { at, remove, insert } of changes) {
        const from = at % (broken.length + 1);
        broken = broken.slice(0, from) + insert.replace("\n", " ") + broken.slice(from + remove);
      }
      // A cut through a surrogate pair leaves a half that UTF-8 cannot write.
      broken = Buffer.from(broken).toString();
      // The same line first whole, so that the broken one is compared with it.
      assert.deepEqual(scanAll([text, broken]), [expected(text), expected(broken)]);
    }),
    { numRuns: 2000 },
  );
});

test("what is not JSON is not accepted", () => {
  const wrong = [
    "",
    "{",
    "}",
    "[]",
    "1",
    "null",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,"a":1}',
    '{"a":1}}',
    '{"a":1} x',
    '{"a" 1}',
    '{"a":01}',
    '{"a":-}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":1e}',
    '{"a":+1}',
    '{"a":NaN}',
    '{"a":tru}',
    '{"a":nul}',
    '{"a":"\t"}',
    '{"a":"\\x"}',
    '{"a":"\\u12g4"}',
    '{"a":"',
    "{'a':1}",
    '{"a":[1,]}',
    '{"a":[1 2]}',
    '{"a":{"b"}}',
    '{"time":1 "model":2}',
    '{"time":01}',
    '{"time":1-}',
    '{"time":"a}',
    '{"time":- 1}',
  ];
  assert.deepEqual(
    scanAll(wrong),
    wrong.map(() => undefined),
  );
});

test("numbers are read to the last bit", () => {
  const numbers = [
    "0",
    "-0",
    "1e2",
    "1E-7",
    "9007199254740993",
    "123456789012345",
    "1234567890123456",
    "0.1",
    "99999.99999",
    "1763890000123.456",
    "5e-324",
    "1.7976931348623157e308",
    "0.000001",
    "-12.5",
    "4294967295",
    "1e400",
  ];
  for (const number of numbers) {
    assert.deepEqual(scanAll(['{"tokens":1}', `{"tokens":${number}}`])[1], { tokens: JSON.parse(number) });
  }
});

test("an object nested deeper than 400 is not accepted, one nested less is", () => {
  const nested = (depth: number): string => `{"time":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  assert.equal(scanAll([nested(401)])[0], undefined);
  assert.notEqual(scanAll([nested(399)])[0], undefined);
});
