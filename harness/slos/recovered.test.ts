import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../journal/event.ts";
import { changed, event, lostConnection, type Recorded, recorded, sample } from "../testing/recorded-run.ts";
import { observe, observeRun } from "../verdict/observe.ts";
import recovered from "./recovered.ts";

const limit = { cacheHitShare: "90% of baseline", heldFor: "1s", within: "2s", after: "fault" };

function judged(run: Recorded, differing: Partial<typeof limit> & { availability?: string } = {}) {
  const { cacheHitShare, ...rest } = { ...limit, ...differing };
  const given = rest.availability === undefined ? { cacheHitShare, ...rest } : rest;
  return recovered.judge(observe(observeRun(run.plan.load, run), [], false), recovered.limit.parse(given));
}

const misses = (fromMs: number, untilMs: number, everyNth = 1) =>
  changed(recorded([]), fromMs, untilMs, (one, index) =>
    index % everyNth === 0 ? { ...one, cache: "miss" } : one,
  );

test("it is back with the first window that meets the limit, counted from the fault's proof", () => {
  assert.equal(judged(recorded([])).value, "0 ms");
  const { outcome, value } = judged(misses(5000, 6500));
  assert.deepEqual([outcome, value], ["pass", "1.4 s"]);
});

test("back too late, or never, is a miss", () => {
  const late = judged(misses(5000, 7500));
  assert.deepEqual([late.outcome, late.code, late.value], ["fail", "LIMIT_MISSED", "2.4 s"]);
  const never = judged(misses(5000, 13_000));
  assert.deepEqual([never.outcome, never.value], ["fail", "not back"]);
});

test("the share must hold for the whole window", () => {
  const flickering = changed(recorded([]), 5000, 13_000, (one) =>
    one.startMs % 1000 < 500 ? one : { ...one, cache: "miss" },
  );
  assert.equal(judged(flickering).outcome, "fail");
  assert.equal(judged(flickering, { heldFor: "400ms" }).outcome, "pass");
});

test("requests that failed or went past the cache are in the denominator", () => {
  const share = (differing: Partial<Sample>) =>
    changed(recorded([]), 5000, 13_000, (one, index) => (index % 2 === 0 ? { ...one, ...differing } : one));
  assert.equal(judged(share({ ...lostConnection })).outcome, "fail");
  assert.equal(judged(share({ cache: "bypass" })).outcome, "fail");
  assert.equal(judged(share({ status: 503 })).outcome, "fail");
});

test("an absolute share does not need the baseline", () => {
  const low = changed(recorded([]), 1000, 13_000, (one, index) =>
    index % 2 === 0 ? { ...one, cache: "miss" } : one,
  );
  assert.equal(judged(low).outcome, "pass");
  assert.equal(judged(low, { cacheHitShare: "90%" }).outcome, "fail");
});

test("availability can be what is back", () => {
  const down = changed(recorded([]), 5000, 8000, (one) => ({ ...one, ...lostConnection }));
  assert.equal(judged(down, { availability: "99%" }).outcome, "fail");
  assert.equal(judged(down, { availability: "99%", within: "3s" }).value, "3 s");
});

test("after the heal is counted from the request for the last healing", () => {
  assert.equal(judged(misses(5000, 10_000), { after: "heal" }).value, "900 ms");
  assert.equal(judged(misses(5000, 10_000), { after: "fault" }).outcome, "fail");
});

test("nothing to count from, or to compare with, is inconclusive", () => {
  const run = recorded([]);
  const unproven = { ...run, events: run.events.filter((one) => one.type !== "fault") };
  assert.equal(judged(unproven).code, "FAULT_NOT_PROVEN");
  const cold = changed(run, 0, 13_000, (one) => ({ ...one, cache: "miss" }));
  assert.equal(judged(cold).code, "BASELINE_SICK");
  const short = changed(run, 1000, 4800, () => undefined);
  assert.equal(judged(short).code, "TOO_FEW_SAMPLES");
});

test("windows with too few requests, or past the end of the run, are inconclusive and never a miss", () => {
  const run = misses(5000, 13_000);
  const sparse = {
    ...run,
    plan: { ...run.plan, load: { ...run.plan.load, ratePerS: 20 } },
    samples: run.samples.filter((_, index) => index % 5 === 0),
  };
  assert.equal(judged(sparse).code, "TOO_FEW_SAMPLES");
  assert.equal(judged(run, { within: "7.5s" }).code, "TOO_FEW_SAMPLES");
  assert.equal(judged(run, { within: "6.9s" }).outcome, "fail");
});

test("missing samples are inconclusive where they decide", () => {
  const holed = changed(misses(5000, 6500), 6500, 13_000, (one, index) =>
    index % 2 === 0 ? undefined : one,
  );
  assert.equal(judged(holed).code, "SAMPLES_MISSING");
  const dropped = { ...misses(5000, 13_000) };
  const atMs = 6000;
  const few = {
    ...dropped,
    events: [...dropped.events, event(atMs, { type: "arrivals-dropped", count: 5 })],
  };
  assert.equal(judged(few).outcome, "fail");
});

test("a few that are missing from each window decide, where one of them may not fail", () => {
  const ratePerS = 32;
  const { plan, events } = recorded([]);
  const thin: Recorded = {
    plan: { ...plan, load: { ...plan.load, ratePerS } },
    events,
    samples: Array.from({ length: ratePerS * 13 }, (_, index) => sample((index * 1000) / ratePerS)),
  };
  const asked = { availability: "99%", after: "heal" };
  assert.equal(judged(thin, asked).outcome, "pass");
  // As if what failed were never reported: 2 of 32 a second.
  const holed = changed(thin, 5000, 13_000, (one, index) => (index % 16 === 7 ? undefined : one));
  assert.equal(judged(holed, asked).code, "SAMPLES_MISSING");
  // Two of the whole run may be how it began and ended.
  const edges = { ...thin, samples: thin.samples.slice(1, -1) };
  assert.equal(judged(edges, asked).outcome, "pass");
});

test("a limit names exactly one share, and every time", () => {
  const good = { availability: "99%", heldFor: "1s", within: "2s", after: "heal" };
  assert.equal(recovered.limit.safeParse(good).success, true);
  const { availability: _availability, ...none } = good;
  const { within: _within, ...open } = good;
  const wrong = [
    none,
    open,
    { ...good, cacheHitShare: "90%" },
    { ...good, availability: "101%" },
    { ...good, x: 1 },
  ];
  for (const given of wrong)
    assert.equal(recovered.limit.safeParse(given).success, false, JSON.stringify(given));
});

test("only a cache hit share needs the load to report the cache", () => {
  assert.deepEqual(recovered.needs(recovered.limit.parse(limit)), ["cache"]);
  const { cacheHitShare: _cacheHitShare, ...rest } = limit;
  assert.deepEqual(recovered.needs(recovered.limit.parse({ ...rest, availability: "99%" })), []);
});
