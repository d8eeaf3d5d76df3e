import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunEvent } from "../journal/event.ts";
import { event, fault, recorded } from "../testing/recorded-run.ts";
import { endOfRunMs, faultBeganMs, phasesOf, union, wholeRun, windowsOf } from "./windows.ts";

const events = recorded([]).events.toSorted((a, b) => a.atMs - b.atMs);

test("windows are the journal's: a fault's is from its proof to the request for its healing", () => {
  assert.equal(endOfRunMs(events, []), 13_000);
  assert.deepEqual(windowsOf(events, 13_000), {
    warmup: [{ fromMs: 0, untilMs: 1000 }],
    baseline: [{ fromMs: 1000, untilMs: 5000 }],
    fault: [{ fromMs: 5050, untilMs: 9000 }],
    recovery: [{ fromMs: 9000, untilMs: 13_000 }],
  });
});

test("the phases as they ran follow each other to the end, with nothing of one that had just begun", () => {
  const baseline = { phase: "baseline", fromMs: 1000, untilMs: 5000 };
  assert.deepEqual(phasesOf(events, 13_000).slice(1), [
    baseline,
    { phase: "fault", fromMs: 5000, untilMs: 9000 },
    { phase: "recovery", fromMs: 9000, untilMs: 13_000 },
  ]);
  const cut = events.filter(({ atMs }) => atMs <= 5000);
  assert.deepEqual(phasesOf(cut, 5000).slice(1), [baseline]);
});

test("several faults are one set of times", () => {
  const second = (state: "proven" | "heal-requested", atMs: number) =>
    event(atMs, { type: "fault", fault: "1-latency", kind: "latency", state, targets: [] });
  const both = [...events, second("proven", 8000), second("heal-requested", 9800)].toSorted(
    (a, b) => a.atMs - b.atMs,
  );
  assert.deepEqual(windowsOf(both, 13_000).fault, [{ fromMs: 5050, untilMs: 9800 }]);
});

test("the recovery is from the last request to heal to the end, and at the latest from its phase on", () => {
  const recovery = (...healsMs: number[]) => {
    const others = events.filter(({ type }) => type !== "fault");
    const heals = healsMs.map((atMs) => fault("heal-requested", atMs));
    return windowsOf(
      [...others, ...heals].toSorted((a, b) => a.atMs - b.atMs),
      13_000,
    ).recovery;
  };
  assert.deepEqual(recovery(7000, 8000), [{ fromMs: 8000, untilMs: 13_000 }]);
  assert.deepEqual(recovery(7000, 9100), [{ fromMs: 9000, untilMs: 13_000 }]);
  assert.deepEqual(recovery(), [{ fromMs: 9000, untilMs: 13_000 }]);
});

test("the time before the fault ends with the phase before, or with the first request for a fault", () => {
  const late = events.map((one) =>
    one.type === "fault" && one.state === "requested" ? { ...one, atMs: 5500 } : one,
  );
  const inOrder = late.toSorted((a, b) => a.atMs - b.atMs);
  assert.equal(faultBeganMs(inOrder), 5000);
  const ofPhases = (one: RunEvent) => one.type === "phase-started";
  assert.equal(faultBeganMs(inOrder.filter((one) => !ofPhases(one))), 5500);
  assert.equal(faultBeganMs(inOrder.filter(({ atMs }) => atMs < 5000)), undefined);
});

test("a run that was cut short is known until its last event", () => {
  const cut = events.filter(({ atMs }) => atMs <= 5050);
  assert.equal(endOfRunMs(cut, []), 5050);
  const still = [...cut, event(6000, { type: "warning", code: "X", message: "" })];
  assert.deepEqual(windowsOf(still, endOfRunMs(still, [])).fault, [{ fromMs: 5050, untilMs: 6000 }]);
});

test("the whole run leaves the warm-up out unless it is asked for, and the gaps in", () => {
  assert.deepEqual(wholeRun(events, 13_000, false), [{ fromMs: 1000, untilMs: 13_000 }]);
  assert.deepEqual(wholeRun(events, 13_000, true), [{ fromMs: 0, untilMs: 13_000 }]);
  assert.deepEqual(wholeRun([fault("requested", 1)], 13_000, true), []);
});

test("union joins what overlaps or touches, whatever the order", () => {
  const windows = [
    { fromMs: 5, untilMs: 7 },
    { fromMs: 0, untilMs: 3 },
    { fromMs: 3, untilMs: 4 },
    { fromMs: 6, untilMs: 6.5 },
  ];
  assert.deepEqual(union(windows), [
    { fromMs: 0, untilMs: 4 },
    { fromMs: 5, untilMs: 7 },
  ]);
});
