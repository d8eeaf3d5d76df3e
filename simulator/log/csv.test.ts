import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseColumnMap } from "./column-map.ts";
import { csvReader, delimiterOf, fieldsOf } from "./csv.ts";
import { Problems } from "./problems.ts";

/** Reads the text in two blocks that part at `cut`, as a file comes. */
function readInTwo(text: string, cut: number): { records: (readonly string[])[]; problems: Problems } {
  const whole = Buffer.from(text);
  const bytes = new Uint8Array(whole.length + 16);
  bytes.set(whole);
  const view = new DataView(bytes.buffer);
  const records: (readonly string[])[] = [];
  const problems = new Problems();
  const reader = csvReader(problems, ",", (fields) => records.push(fields));
  const from = reader.read({ bytes, view, from: 0, to: Math.min(cut, whole.length), last: false });
  reader.read({ bytes, view, from, to: whole.length, last: true });
  return { records, problems };
}

const field = fc.oneof(
  fc.string(),
  fc.constantFrom("a", 'say "hi"', "a,b", "two\nlines", '"', ",", "\r\n", "é"),
);
const record = fc.array(field, { minLength: 2, maxLength: 5 });

test("what was written as CSV is read again, wherever the blocks part", () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 6 }),
      fc.nat(200),
      fc.constantFrom("\n", "\r\n"),
      (rows, cut, newline) => {
        const text = rows
          .map((fields) => fields.map((value) => `"${value.replaceAll('"', '""')}"`).join(",") + newline)
          .join("");
        const { records, problems } = readInTwo(text, cut);
        assert.deepEqual(records, rows);
        assert.deepEqual([problems.malformed, problems.records], [0, rows.length]);
      },
    ),
    { numRuns: 500 },
  );
});

test("fields with and without quotes", () => {
  assert.deepEqual(fieldsOf('a,"b,""c""",,d', ","), ["a", 'b,"c"', "", "d"]);
  assert.deepEqual(fieldsOf('"a",', ","), ["a", ""]);
  assert.deepEqual(fieldsOf("a,b", ","), ["a", "b"]);
  assert.deepEqual(fieldsOf('""', ","), [""]);
});

test("the delimiter is the one that the header has most of", () => {
  assert.deepEqual(["a,b", "a;b;c,d", "a\tb", "a|b", "a"].map(delimiterOf), [",", ";", "\t", "|", ","]);
});

test("a column map is read from text, and what it gets wrong is told", () => {
  assert.deepEqual(parseColumnMap("time=TIMESTAMP, promptTokens=Context Tokens"), {
    time: "TIMESTAMP",
    promptTokens: "Context Tokens",
  });
  for (const wrong of ["", "time", "time=", "tiem=a", "time=a,,"]) {
    assert.throws(() => parseColumnMap(wrong), { code: "BAD_COLUMN_MAP" }, wrong);
  }
});

test("a quote inside a field, and one that closes nothing, take no other rows", () => {
  const { records, problems } = readInTwo('1,5" disk\n2,a\n3,6" disk\n4,"open\n5,b\n6,"open\n', 1000);
  assert.deepEqual(
    records.map(([first]) => first),
    ["1", "2", "3", "5"],
  );
  assert.deepEqual([problems.malformed, problems.records, problems.line], [2, 6, 6]);
});
