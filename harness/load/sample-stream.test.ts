import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSampleStream, type LoadRow } from "./sample-stream.ts";

const header = "metric_name,timestamp,metric_value,extra_tags,metadata\n";

function read(...chunks: readonly string[]): LoadRow[] {
  const stream = createSampleStream();
  return [...chunks.flatMap((chunk) => stream.push(chunk)), ...stream.end()];
}

function request(tags: string): string {
  return `breakwater_request,1795465927900523,52.201456,${tags},\n`;
}

test("a request's row becomes its end, duration and tags, in whatever order the tags come", () => {
  assert.deepEqual(read(header, request("cache=hit&answer=right&status=200&error=")), [
    {
      type: "request",
      endWallMs: 1795465927900.523,
      durationMs: 52.201456,
      status: 200,
      error: "",
      cache: "hit",
      answer: "right",
    },
  ]);
});

test("the columns are those of the header, system tags among them", () => {
  const text =
    "status,metadata,metric_value,timestamp,error,metric_name,extra_tags\n" +
    "503,,7,1000000,refused,breakwater_request,cache=miss\n";
  assert.deepEqual(read(text), [
    {
      type: "request",
      endWallMs: 1000,
      durationMs: 7,
      status: 503,
      error: "refused",
      cache: "miss",
      answer: "",
    },
  ]);
});

test("what the script has sent beside the measured requests is counted", () => {
  assert.deepEqual(read(header, "breakwater_extra,2000,20.000000,,\n"), [
    { type: "extra", wallMs: 2, count: 20 },
  ]);
});

test("dropped arrivals and ended iterations are seen, other metrics are passed over", () => {
  const text =
    `${header}http_req_waiting,1000,28.3,,\ndropped_iterations,2000,3.000000,,\n` +
    "iterations,3000,1.000000,,\nvus,4000,4,,\n";
  assert.deepEqual(read(text), [{ type: "dropped", wallMs: 2, count: 3 }, { type: "iteration" }]);
});

test("an error text with commas, quotes and line ends is one field", () => {
  const [row] = read(header, request('"status=0&error=a,b ""c""\nd&cache="'));
  assert.ok(row?.type === "request");
  assert.equal(row.error, 'a,b "c"\nd');
});

const malformed = {
  "no status": request("error="),
  "a status that is none": request("status=ok"),
  "an unknown cache state": request("status=200&cache=HIT"),
  "an unknown answer": request("status=200&answer=fine"),
  "a time that is none": "breakwater_request,yesterday,1,status=200,\n",
  "no duration": "breakwater_request,1000000,,status=200,\n",
  "a negative duration": "breakwater_request,1000000,-1,status=200,\n",
};
for (const [what, row] of Object.entries(malformed)) {
  test(`a row with ${what} is reported, and the next is read`, () => {
    const rows = read(header, row, request("status=200"));
    assert.deepEqual(
      rows.map(({ type }) => type),
      ["malformed", "request"],
    );
  });
}

test("a request's row that is cut off at the end of the stream is reported", () => {
  const rows = read(header, request("status=200"), "breakwater_request,17954659");
  assert.deepEqual(
    rows.map(({ type }) => type),
    ["request", "malformed"],
  );
});

test("a quote that is never closed costs its own row and nothing after it", () => {
  const broken = 'breakwater_request,1000000,1,"status=200,\n';
  const rows = read(header, broken, request("status=200").repeat(2000));
  assert.equal(rows.filter(({ type }) => type === "malformed").length, 1);
  assert.equal(rows.filter(({ type }) => type === "request").length, 2000);
});

const anyRow = fc.oneof(
  fc.constant("http_reqs,1000,1,,\n"),
  fc.constant("dropped_iterations,2000,1.000000,,\n"),
  fc.constant("breakwater_request,nonsense\n"),
  fc
    .tuple(fc.nat(), fc.double({ min: 0, max: 1e6, noNaN: true }), fc.string({ unit: "grapheme" }))
    .map(([at, ms, error]) => {
      const tags = `status=200&error=${error.replaceAll('"', '""')}`;
      return `breakwater_request,${at + 1},${ms},"${tags}",\n`;
    }),
);

test("however the stream is cut into chunks, the rows are the same", () => {
  fc.assert(
    fc.property(fc.array(anyRow), fc.array(fc.nat()), fc.string(), (rows, cuts, tail) => {
      const text = header + rows.join("") + tail;
      const at = cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b);
      const chunks = [...at, text.length].map((end, index) => text.slice(at[index - 1] ?? 0, end));
      assert.deepEqual(read(...chunks), read(text));
    }),
  );
});

test("no request is lost: each row is a sample or is reported", () => {
  fc.assert(
    fc.property(fc.array(anyRow), (rows) => {
      const requests = rows.filter((row) => row.startsWith("breakwater_request")).length;
      const seen = read(header, ...rows).filter(
        ({ type }) => type === "request" || type === "malformed",
      ).length;
      assert.equal(seen, requests);
    }),
  );
});
