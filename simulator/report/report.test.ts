import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { tellExamples } from "../log/problems.ts";
import { csvReport } from "./csv.ts";
import { htmlReport } from "./html.ts";
import { smallReport } from "./report.fixture.ts";
import { type Report, reportJsonSchema, reportSchema } from "./report.ts";
import { terminalReport } from "./terminal.ts";

let report: Report;
before(async () => {
  report = await smallReport("<script>alert(1)</script>&.jsonl");
});

test("the JSON report meets its schema, as zod and as JSON Schema", () => {
  const data: unknown = JSON.parse(JSON.stringify(report));
  assert.deepEqual(reportSchema.parse(data), data);
  const schema = reportJsonSchema();
  assert.ok(typeof schema === "object" && schema !== null);
  const validate = new Ajv2020({ strict: false }).compile(schema);
  assert.equal(validate(data), true, JSON.stringify(validate.errors));
  assert.equal(validate({ ...report, strategies: "none" }), false);
});

test("shares are between 0 and 1, the bound is never beaten, and money adds up", () => {
  const belady = report.strategies.filter(({ label }) => label.startsWith("exact belady"));
  assert.ok(belady.length > 0);
  for (const { spec, label, hitShareByRequest: hits, usd } of report.strategies) {
    assert.ok(hits !== null && hits >= 0 && hits <= 1);
    const size = label.match(/^exact \S+ ([\d,]+) entries$/)?.[1];
    const bound = belady.find((strategy) => strategy.label.includes(` ${size} entries`));
    if (size !== undefined) assert.ok(hits <= (bound?.hitShareByRequest ?? 0), label);
    assert.ok(usd !== undefined && usd.before.low !== null && usd.after.low !== null && "losses" in spec);
    assert.ok(Math.abs((usd.before.low ?? 0) - (usd.after.low ?? 0) - (usd.saving.high ?? 0)) < 0.005, label);
    assert.ok(
      Math.abs((usd.saving.low ?? 0) - (usd.cache.high ?? 0) - (usd.netSaving.low ?? 0)) < 0.005,
      label,
    );
  }
});

test("every plain-exact LRU point lies on the curve of every size", () => {
  const { curve, strategies } = report;
  assert.ok(curve !== null);
  let compared = 0;
  for (const { label, hitShareByRequest } of strategies) {
    const size = Number(label.match(/^exact lru ([\d,]+) entries$/)?.[1]?.replaceAll(",", ""));
    const at = curve.sizes.indexOf(size);
    if (at < 0) continue;
    compared += 1;
    assert.ok(Math.abs(1 - (curve.missRatio[at] ?? 0) - (hitShareByRequest ?? 0)) < 1e-9);
  }
  assert.ok(compared >= 3);
});

test("the terminal names source and date of prices, the malformed lines, the advice, the loss and what was assumed", () => {
  const text = terminalReport(report);
  for (const part of [
    "genai-prices 0.1.8",
    "2026-09-23",
    "line 7 is not JSON",
    "2 × failed request",
    "Advice:",
    "Loss of all",
    "Assumed:",
    "p99",
  ]) {
    assert.ok(text.includes(part), part);
  }
});

test("a sampled curve shows its error bar in the terminal and on the page; an exact one has none", () => {
  const { curve } = report;
  assert.ok(curve !== null);
  const sampled = { ...report, curve: { ...curve, error: curve.sizes.map(() => 0.0123) } };
  assert.match(terminalReport(sampled), /SHARDS.*\n {2}10 entries [\d.]+ % ± 1\.2 %; /s);
  assert.match(htmlReport(sampled), /<polygon class="band"/);
  assert.match(terminalReport(report), /LRU by size:\n {2}10 entries [\d.]+ %; /);
  assert.ok(!htmlReport(report).includes("<polygon"));
});

test("at the break-even hit share the cache's cost is what its hits save", () => {
  let compared = 0;
  for (const { usd, hitShareByRequest, hitShareByToken, spec } of report.strategies) {
    const { cache, saving, breakEvenHitShare } = usd ?? {};
    if (breakEvenHitShare?.high == null || !cache || !saving) continue;
    const hits = ("answers" in spec ? hitShareByRequest : hitShareByToken) ?? 0;
    const worth = (saving.low ?? 0) / hits;
    assert.ok(Math.abs(breakEvenHitShare.high * worth - (cache.high ?? 0)) < 1e-9);
    compared += 1;
  }
  assert.ok(compared > 10);
  assert.match(
    terminalReport(report),
    /it pays from a hit share of .* by request on, which saves .* % of the model's cost/,
  );
});

test("CSV: a row a strategy, cells with commas quoted", () => {
  const lines = csvReport(report).trimEnd().split("\r\n");
  assert.equal(lines.length, report.strategies.length + 1);
  const commas = (line = "") => line.replaceAll(/"[^"]*"/g, "").split(",").length;
  for (const line of lines) assert.equal(commas(line), commas(lines[0]));
});

test("the page is one file: nothing is loaded, no script runs, and the log's name is only text", () => {
  const html = htmlReport(report);
  assert.ok(!/<script/i.test(html) && !/\son\w+=/i.test(html));
  assert.ok(!/(src|href|url\()\s*=?\s*["'(]?https?:/i.test(html));
  assert.equal(html.match(/<svg /g)?.length, 4);
  for (const title of ["Answers served", "Tokens saved", "Saving over the log", "Time of a request"]) {
    assert.ok(html.includes(`aria-label="${title}`), title);
  }
});

test("lines that are malformed in one way are told together", () => {
  const examples = [
    { line: 2, reason: "has no time" },
    { line: 3, reason: "is not JSON" },
    { line: 5, reason: "has no time" },
  ];
  assert.deepEqual(tellExamples(examples), ["lines 2, 5: each has no time", "line 3 is not JSON"]);
});
