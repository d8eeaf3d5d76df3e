import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlannedSlo } from "../plan/plan.ts";
import { changed, lostConnection, type Recorded, recorded, without } from "../testing/recorded-run.ts";
import { judge } from "../verdict/judge.ts";
import type { Verdict } from "../verdict/verdict.ts";
import json from "./json.ts";
import junit from "./junit.ts";
import markdown from "./markdown.ts";
import terminal from "./terminal.ts";

const slos: readonly PlannedSlo[] = [
  { slo: "availability", limit: "99%", during: ["baseline", "fault"] },
  { slo: "latency", limit: { p99: "800ms" }, during: ["fault"] },
];
const good = recorded(slos);
const bad = changed(good, 5200, 5700, (one) => ({ ...one, ...lostConnection }));
const sick = changed(good, 2000, 2100, (one) => ({ ...one, ...lostConnection }));
const unproven = without(good, (one) => one.type === "fault" && one.state === "proven");
const cut = without(good, (one) => one.type === "run-ended");

function verdictOf(run: Recorded): Promise<Verdict> {
  return judge(run.plan, run);
}

test("terminal: the last line is the verdict; each SLO has value, limit and n", async () => {
  const verdict = await verdictOf(bad);
  const lines = terminal.render(verdict, bad.plan, false).trimEnd().split("\n");
  assert.match(lines.at(-1) ?? "", /^FAIL test on reference \(exit code 1\): availability/);
  assert.ok(lines.some((line) => /availability +baseline\+fault +\S+% +≥ 99% answered +n 795/.test(line)));
  assert.ok(lines.some((line) => /outage first failure 200 ms .* back after 700 ms/.test(line)));
  assert.ok(
    lines.some((line) => /fault kill-node on redis-2: in force 50 ms .*the process is gone/.test(line)),
  );
});

test("terminal: colour only where it is asked for, and words that need none", async () => {
  const verdict = await verdictOf(bad);
  const esc = String.fromCharCode(27);
  const plain = terminal.render(verdict, bad.plan, false);
  const coloured = terminal.render(verdict, bad.plan, true);
  assert.ok(!plain.includes(esc));
  assert.ok(coloured.includes(esc));
  assert.equal(coloured.replaceAll(new RegExp(`${esc}\\[\\d+m`, "g"), ""), plain);
});

test("json: the whole verdict", async () => {
  const verdict = await verdictOf(bad);
  assert.deepEqual(JSON.parse(json.render(verdict, bad.plan, false)), verdict);
});

test("junit: only a PASS is green", async () => {
  const count = async (run: Recorded, element: string) =>
    junit.render(await verdictOf(run), run.plan, false).split(`<${element} `).length - 1;
  assert.deepEqual([await count(good, "failure"), await count(good, "error")], [0, 0]);
  assert.deepEqual([await count(bad, "failure"), await count(bad, "error")], [2, 0]);
  assert.deepEqual([await count(sick, "failure"), await count(sick, "error")], [0, 1]);
  assert.ok((await count(unproven, "error")) > 0);
  assert.ok((await count(cut, "error")) > 0);
  assert.match(junit.render(await verdictOf(unproven), good.plan, false), /<error type="INCONCLUSIVE"/);
  assert.match(junit.render(await verdictOf(cut), good.plan, false), /<error type="HARNESS_ERROR"/);
});

test("junit: whatever a message holds, the document stays well-formed", async () => {
  const verdict = await verdictOf(bad);
  const wild = { ...verdict, scenario: `<"a"&'\u0000\u001b\uFFFF\uD800>` };
  const xml = junit.render(wild, bad.plan, false);
  assert.match(xml, /name="&lt;&quot;a&quot;&amp;'\uFFFD+&gt;"/);
  assert.equal(xml.match(/<testcase /g)?.length, xml.match(/<\/testcase>/g)?.length);
});

test("markdown: a table row for each SLO, and text of others stays text", async () => {
  const verdict = await verdictOf(bad);
  const hostile = { ...bad.plan, title: "a | b\n# <img src=x> [x](y)" };
  const text = markdown.render(verdict, hostile, false);
  assert.equal(text.split("\n").filter((line) => /^\| [✅❌❔]/u.test(line)).length, 2);
  assert.ok(!text.includes("<img"));
  assert.ok(!/^# /m.test(text));
  assert.ok(text.startsWith("## ❌ FAIL: a \\| b # "));
});

test("reports of the same run are the same bytes", async () => {
  for (const reporter of [json, junit, markdown, terminal]) {
    const render = async () => reporter.render(await verdictOf(bad), bad.plan, false);
    assert.equal(await render(), await render());
  }
});
