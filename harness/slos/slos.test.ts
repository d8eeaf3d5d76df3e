import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../journal/event.ts";
import { lostConnection, sample } from "../testing/recorded-run.ts";
import answers from "./answers.ts";
import availability from "./availability.ts";
import latency from "./latency.ts";
import type { Observed } from "./slo.ts";

function observed(samples: readonly Sample[], missing = 0): Observed {
  return {
    samples,
    missing,
    run: { events: [], samples, windows: {}, untilMs: samples.length, missing: () => missing },
  };
}

function samples(count: number, differing: (index: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: count }, (_, index) => sample(index, differing(index)));
}

test("availability: the share of requests answered with success", () => {
  const limit = availability.limit.parse("99%");
  const failing = (bad: number) => observed(samples(1000, (i) => (i < bad ? { ...lostConnection } : {})));
  assert.equal(availability.judge(failing(10), limit).outcome, "pass");
  const missed = availability.judge(failing(11), limit);
  assert.deepEqual(
    [missed.outcome, missed.code, missed.value, missed.n],
    ["fail", "LIMIT_MISSED", "98.9%", 1000],
  );
  const errors = observed(samples(1000, (i) => (i < 11 ? { status: 503 } : {})));
  assert.equal(availability.judge(errors, limit).outcome, "fail");
  assert.equal(availability.judge(observed([]), limit).code, "NO_SAMPLES");
  assert.equal(availability.judge(observed(samples(298)), limit).code, "TOO_FEW_SAMPLES");
  assert.equal(availability.judge(observed(samples(990), 11), limit).code, "SAMPLES_MISSING");
  assert.equal(availability.judge(observed(samples(990), 9), limit).outcome, "pass");
});

test("latency: each quantile has its limit, and failing fast is infinitely slow", () => {
  const limit = latency.limit.parse({ p50: "20ms", p99: "800ms" });
  const slow = (count: number) => observed(samples(1000, (i) => (i < count ? { durationMs: 801 } : {})));
  assert.equal(latency.judge(slow(10), limit).outcome, "pass");
  assert.equal(latency.judge(slow(11), limit).code, "LIMIT_MISSED");
  assert.equal(latency.judge(slow(11), limit).value, "p50 10 ms, p99 801 ms");
  assert.equal(latency.judge(slow(501), latency.limit.parse({ p50: "20ms", p99: "2s" })).outcome, "fail");
  const refused = observed(samples(1000, (i) => (i < 11 ? { ...lostConnection, durationMs: 0 } : {})));
  const judgement = latency.judge(refused, limit);
  assert.deepEqual([judgement.outcome, judgement.value], ["fail", "p50 10 ms, p99 ∞"]);
  assert.equal(latency.judge(observed(samples(298)), limit).code, "TOO_FEW_SAMPLES");
  assert.equal(latency.judge(observed([]), limit).code, "NO_SAMPLES");
  assert.equal(latency.judge(observed(samples(1000), 11), limit).code, "SAMPLES_MISSING");
});

test("latency: limits name at least one quantile, by its standard name", () => {
  for (const wrong of [{}, { p100: "1s" }, { p0: "1s" }, { q99: "1s" }, { p99: "1" }, { p99: 5 }]) {
    assert.equal(latency.limit.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
  assert.equal(latency.limit.safeParse({ "p99.9": "1s", p50: "5ms" }).success, true);
});

test("answers: a single wrong, foreign or stale one is too many, however few there are", () => {
  const limit = answers.limit.parse("correct");
  assert.equal(answers.judge(observed(samples(299)), limit).outcome, "pass");
  for (const answer of ["wrong", "foreign", "stale"] as const) {
    const judgement = answers.judge(observed(samples(10, (i) => (i === 3 ? { answer } : {}))), limit);
    assert.deepEqual(
      [judgement.outcome, judgement.code, judgement.value],
      ["fail", "LIMIT_MISSED", `1 ${answer}`],
    );
  }
  assert.equal(answers.judge(observed(samples(298)), limit).code, "TOO_FEW_SAMPLES");
  assert.equal(answers.judge(observed(samples(400), 1), limit).code, "SAMPLES_MISSING");
  assert.equal(
    answers.judge(observed(samples(400, () => ({ ...lostConnection }))), limit).code,
    "NO_SAMPLES",
  );
});

test("answers: a success that was not judged counts as missing, a failed request does not", () => {
  const limit = answers.limit.parse("correct");
  const silent = (share: number, differing: Partial<Sample>) =>
    answers.judge(observed(samples(1000, (i) => (i < share ? differing : {}))), limit);
  const unjudged = silent(700, { answer: "" });
  assert.deepEqual([unjudged.outcome, unjudged.code, unjudged.n], ["inconclusive", "SAMPLES_MISSING", 300]);
  assert.equal(silent(1, { answer: "" }).code, "SAMPLES_MISSING");
  assert.equal(silent(700, { ...lostConnection }).outcome, "pass");
  const wrong = samples(1000, (i) => ({ answer: i === 0 ? "wrong" : i < 701 ? "" : "right" }));
  assert.equal(answers.judge(observed(wrong), limit).code, "LIMIT_MISSED");
});
