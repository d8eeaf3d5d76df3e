import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlannedSlo } from "../plan/plan.ts";
import { changed, event, lostConnection, type Recorded, recorded, without } from "../testing/recorded-run.ts";
import { judge } from "../verdict/judge.ts";
import type { Verdict } from "../verdict/verdict.ts";
import json from "./json.ts";
import junit from "./junit.ts";
import markdown from "./markdown.ts";
import terminal from "./terminal.ts";
import { busyMachine } from "./wording/busy-machine.ts";

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
  assert.ok(
    lines.some((line) => /failures 50 requests failed .* 200 ms after .* none from 700 ms on/.test(line)),
  );
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

test("a report says what was set for the run, and no secret of it", async () => {
  const secrets = {
    API_TOKEN: "hush",
    API_KEYS: "one:hush,two:hush",
    DB_PWD: "hush",
    dbPassword: "12345",
    AUTH: "hush",
    GITHUBTOKEN: "hush",
    AUTHORIZATION: "Bearer hush",
    DB_PASS: "hush",
  };
  const partly = {
    REDIS: "redis://user:hush@127.0.0.1 redis://user:hush@127.0.0.2",
    POSTGRES: "postgres://u:hu@sh@db/x",
    MODEL: "http://model/v1?token=hush&size=3&key=hush",
    ORACLE: "host=db password='hu sh' user=u",
  };
  const shown = { BW_SHED: "off", MAX_TOKENS: "100", KEYS: "5000", KEYSPACE: "ks", AUTHOR: "me" };
  const load = { ...bad.plan.load, env: { FLOOD: "20" } };
  const plan = {
    ...bad.plan,
    load,
    env: { api: { ...secrets, ...partly, ...shown } },
    mustFail: { without: "fallback" },
  };
  const text = markdown.render(await verdictOf(bad), plan, false).replaceAll("\\", "");
  const parts = [
    ...Object.entries(shown).map(([name, value]) => `${name}=${value}`),
    ...Object.keys(secrets).map((name) => `${name}=…`),
    "REDIS=redis://…@127.0.0.1 redis://…@127.0.0.2",
    "POSTGRES=postgres://…@db/x",
    "MODEL=http://model/v1?token=…&amp;size=3&amp;key=…",
    "ORACLE=host=db password=… user=u",
    "FLOOD=20",
    "Must fail without fallback",
  ];
  for (const part of parts) assert.ok(text.includes(part), `${part} is not in ${text}`);
  const inTerminal = terminal.render(await verdictOf(bad), plan, false);
  assert.match(inTerminal, /^settings of api: .*BW_SHED=off.*\nsettings of load: FLOOD=20$/m);
  for (const secret of ["hush", "hu@sh", "hu sh", "12345"])
    for (const shownText of [text, inTerminal]) assert.ok(!shownText.includes(secret), secret);
});

test("where some failed until the end, no report says that none did", async () => {
  const toTheEnd = changed(good, 5200, 13_000, (one) => ({ ...one, ...lostConnection }));
  const verdict = await verdictOf(toTheEnd);
  for (const reporter of [markdown, terminal]) {
    const text = reporter.render(verdict, toTheEnd.plan, false);
    assert.match(text, /the first 200 ms after .*, some still in the last second/);
    assert.ok(!/none from/.test(text));
  }
});

test("the report of a run that was killed counts the requests that came after its last event", async () => {
  // The last event is the fault's proof; samples came for two seconds more.
  const killed = {
    ...good,
    events: good.events.filter(({ atMs }) => atMs <= 5050),
    samples: good.samples.filter(({ startMs }) => startMs < 7050),
  };
  const text = terminal.render(await verdictOf(killed), killed.plan, false);
  assert.match(text, /200 requests began in it/);
  assert.match(text, /availability +baseline\+fault .* n 600/);
});

test("how requests failed stands in the report, and a few failures are not called an outage", async () => {
  const verdict = await verdictOf(bad);
  for (const reporter of [markdown, terminal]) {
    const text = reporter.render(verdict, bad.plan, false);
    assert.match(text, /50 \(50 error 1212\)/);
    assert.ok(!/outage/i.test(text));
  }
});

test("reports of the same run are the same bytes", async () => {
  for (const reporter of [json, junit, markdown, terminal]) {
    const render = async () => reporter.render(await verdictOf(bad), bad.plan, false);
    assert.equal(await render(), await render());
  }
});

test("a machine that was busy when the run began is told beside the verdict, which it does not change", async () => {
  const of = (load1m: number, atMs: number) => event(atMs, { type: "machine", load1m, cores: 2 });
  const busy = busyMachine([...bad.events, of(3, 13_490), of(9.25, -3999)]);
  assert.match(busy ?? "", /load average 9\.3, 2 cores.*run again when it is idle/);
  for (const run of [bad, sick]) {
    const verdict = await verdictOf(run);
    const alike = await verdictOf({ ...run, events: [...run.events, of(9.25, -3999)] });
    assert.deepEqual(alike, verdict);
    for (const reporter of [markdown, terminal]) {
      const text = reporter.render(verdict, run.plan, false, busy);
      assert.ok(text.includes("load average 9.3, 2 cores"), text);
      assert.ok(!reporter.render(verdict, run.plan, false).includes("load average"));
    }
  }
});

test("a machine that was idle at the start, or of which a run of old has nothing, is not told", () => {
  const of = (load1m: number, atMs: number) => event(atMs, { type: "machine", load1m, cores: 2 });
  assert.equal(busyMachine(bad.events), undefined);
  // What the run itself does makes the load at its end.
  assert.equal(busyMachine([of(2, -3999), of(9, 13_490)]), undefined);
});
