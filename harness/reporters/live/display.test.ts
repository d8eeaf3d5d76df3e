import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { EventBody, Sample } from "../../journal/event.ts";
import type { Plan } from "../../plan/plan.ts";
import { createLiveDisplay, isRewritable, statusLine } from "./display.ts";

const plan: Plan = {
  version: 1,
  scenario: "node-kill",
  title: "A Redis master dies",
  hypothesis: "Nothing happens",
  system: "reference",
  substrate: "local",
  seed: 7,
  without: [],
  env: {},
  load: {
    script: "/load.ts",
    reports: [],
    ratePerS: 100,
    keys: { distribution: "zipf", exponent: 1, count: 10 },
    timeoutMs: 3000,
    env: {},
    reads: [],
    vus: 350,
    durationMs: 30_000,
  },
  phases: [
    { phase: "baseline", fromMs: 0, untilMs: 10_000 },
    { phase: "fault", fromMs: 10_000, untilMs: 20_000 },
    { phase: "recovery", fromMs: 20_000, untilMs: 30_000 },
  ],
  faults: [],
  slos: [],
};

const stamp = { source: "harness", arm: "main", attempt: 1 };
const fault = { type: "fault", fault: "0-kill-node", kind: "kill-node", targets: ["redis-2"] } as const;

/** A display on a clock that the test moves; it writes into `written`. */
function display(context: TestContext, rewritable: boolean, columns = 200) {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const written: string[] = [];
  let nowMs = 70_000;
  const live = createLiveDisplay(
    plan,
    { write: (text) => written.push(text), columns },
    rewritable,
    () => nowMs,
  );
  context.after(() => live[Symbol.dispose]());
  return {
    written,
    live,
    event: (atMs: number, body: EventBody) => live.event({ ...stamp, ...body, atMs }),
    sample: (startMs: number) => {
      const rest = { error: "", phase: "fault", cache: "", answer: "" } as const;
      const sample: Sample = { ...stamp, startMs, durationMs: 12, status: 200, ...rest };
      live.sample(sample);
    },
    pass: (ms: number) => {
      nowMs += ms;
      context.mock.timers.tick(ms);
    },
  };
}

test("without a terminal there are plain lines: what happens, and the status every 5 s", (context) => {
  const { written, event, sample, pass } = display(context, false);
  event(11_000, { type: "phase-started", phase: "fault" });
  event(11_000, { ...fault, state: "requested" });
  event(11_000, { ...fault, state: "proven", saw: "the process is gone" });
  for (let ms = 14_060; ms < 16_000; ms += 10) sample(ms);
  pass(5_000);
  event(16_000, { ...fault, state: "healed-proven" });
  assert.deepEqual(written, [
    "  11.0 s  phase fault\n",
    "  11.0 s  fault kill-node on redis-2: requested\n",
    "  11.0 s  fault kill-node on redis-2: in force (the process is gone)\n",
    "  16.0 s  fault     5 s left (run 15 s)  97/s  100.0% ok  p99 12 ms  kill-node redis-2 proven\n",
    "  16.0 s  fault kill-node on redis-2: healed\n",
  ]);
});

test("a terminal has one status line, which gives way to permanent lines", (context) => {
  const { written, event, pass } = display(context, true);
  event(11_000, { type: "phase-started", phase: "fault" });
  pass(250);
  pass(250);
  event(11_500, { type: "phase-started", phase: "recovery" });
  const [phase, first, erased, second, erasedAgain, next] = written;
  assert.match(phase ?? "", /phase fault.*\n$/);
  assert.match(first ?? "", /^fault {4}.*no answers/);
  assert.ok(!first?.includes("\n"));
  assert.equal(erased, "\r\x1b[2K");
  assert.match(second ?? "", /^fault/);
  assert.equal(erasedAgain, "\r\x1b[2K");
  assert.match(next ?? "", /phase recovery.*\n$/);
});

test("the status line never wraps, and is gone in the end", (context) => {
  const { written, live, event, pass } = display(context, true, 30);
  event(0, { type: "phase-started", phase: "baseline" });
  pass(250);
  assert.equal(written.at(-1)?.length, 29);
  live[Symbol.dispose]();
  assert.equal(written.at(-1), "\r\x1b[2K");
});

test("there is no status before the first phase nor after the run", (context) => {
  const { written, event, pass } = display(context, true);
  pass(1_000);
  assert.deepEqual(written, []);
  event(1_000, { type: "phase-started", phase: "baseline" });
  event(1_000, { type: "run-ended", how: "interrupted" });
  const count = written.length;
  pass(1_000);
  assert.equal(written.length, count);
});

test("escape sequences in what a process has said do not reach the terminal", (context) => {
  const { written, event } = display(context, false);
  event(0, { type: "warning", code: "SAMPLE_MALFORMED", message: "row \x1b[31mred\x1b[2J" });
  assert.equal(written.length, 1);
  assert.ok(!written[0]?.includes("\x1b"));
});

test("dropped arrivals are added up in the status", () => {
  const status = { phase: "fault", phaseLeftMs: 1, runLeftMs: 1, recent: { ratePerS: 0 }, faults: [] };
  assert.match(statusLine({ ...status, dropped: 12 }), /12 dropped/);
  assert.doesNotMatch(statusLine({ ...status, dropped: 0 }), /dropped/);
});

test("a share just below 100 % is not shown as 100 %", () => {
  const recent = { ratePerS: 5000, successShare: 0.99999, p99Ms: 3 };
  const line = statusLine({ phase: "fault", phaseLeftMs: 1, runLeftMs: 1, recent, faults: [], dropped: 0 });
  assert.match(line, /99\.9% ok/);
});

test("only a terminal that can move its cursor has a rewritten line", () => {
  const write = () => true;
  assert.equal(isRewritable({ write, isTTY: true }, { TERM: "xterm" }), true);
  assert.equal(isRewritable({ write }, { TERM: "xterm" }), false);
  assert.equal(isRewritable({ write, isTTY: true }, { TERM: "dumb" }), false);
  assert.equal(isRewritable({ write, isTTY: true }, { TERM: "xterm", CI: "true" }), false);
});
