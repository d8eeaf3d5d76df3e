import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../journal/event.ts";
import { lostConnection, sample } from "../testing/recorded-run.ts";
import admitted from "./admitted.ts";
import answers from "./answers.ts";
import availability from "./availability.ts";
import latency from "./latency.ts";
import replied from "./replied.ts";
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

test("admitted latency: what was refused with 429 or 503 is left out, and what was let in and failed is infinitely slow", () => {
  const limit = admitted.limit.parse({ p99: "800ms" });
  const judged = (differing: (index: number) => Partial<Sample>) =>
    admitted.judge(observed(samples(1000, differing)), limit);
  const shed = (i: number) => ({ status: i % 2 === 0 ? 503 : 429 });
  const half = judged((i) => (i < 500 ? shed(i) : {}));
  assert.deepEqual([half.outcome, half.value, half.n], ["pass", "p99 10 ms", 500]);
  assert.match(half.because, /500 more were refused$/);
  assert.equal(judged((i) => (i < 500 ? shed(i) : i < 506 ? { durationMs: 801 } : {})).code, "LIMIT_MISSED");
  assert.equal(judged((i) => (i < 500 ? shed(i) : i < 506 ? { status: 504 } : {})).value, "p99 ∞");
  assert.equal(judged((i) => (i < 500 ? shed(i) : i < 506 ? { ...lostConnection } : {})).value, "p99 ∞");
  const cutOff = judged((i) => (i < 500 ? { status: 503, error: "1050" } : {}));
  assert.equal(cutOff.outcome, "fail", "a refusal that broke off is none");
});

test("admitted latency: where all or nearly all was refused, nothing can be said", () => {
  const limit = admitted.limit.parse({ p99: "800ms" });
  const letIn = (count: number, missing = 0) =>
    admitted.judge(
      observed(
        samples(1000, (i) => (i < count ? {} : { status: 503 })),
        missing,
      ),
      limit,
    );
  assert.equal(letIn(0).code, "NO_SAMPLES");
  assert.equal(letIn(298).code, "TOO_FEW_SAMPLES");
  assert.equal(letIn(299).outcome, "pass");
  assert.equal(letIn(400, 5).code, "SAMPLES_MISSING");
  assert.equal(admitted.judge(observed([]), limit).code, "NO_SAMPLES");
});

test("replied: any whole reply in time counts, and nothing else does", () => {
  const limit = replied.limit.parse({ share: "99%", within: "2s" });
  const judged = (bad: number, differing: Partial<Sample>) =>
    replied.judge(observed(samples(1000, (i) => (i < bad ? differing : {}))), limit);
  for (const status of [429, 500, 503]) assert.equal(judged(1000, { status }).outcome, "pass");
  for (const differing of [
    { durationMs: 2001 },
    { status: 503, durationMs: 2001 },
    { ...lostConnection, durationMs: 0 },
    { error: "incomplete-stream" },
  ]) {
    assert.equal(judged(10, differing).outcome, "pass");
    const missed = judged(11, differing);
    assert.deepEqual([missed.outcome, missed.code, missed.value], ["fail", "LIMIT_MISSED", "98.9%"]);
  }
  assert.equal(judged(11, { durationMs: 2000 }).outcome, "pass");
});

test("replied: no data, too few and missing ones are no pass", () => {
  const limit = replied.limit.parse({ share: "99%", within: "2s" });
  assert.equal(replied.judge(observed([]), limit).code, "NO_SAMPLES");
  assert.equal(replied.judge(observed(samples(298)), limit).code, "TOO_FEW_SAMPLES");
  assert.equal(replied.judge(observed(samples(990), 11), limit).code, "SAMPLES_MISSING");
  assert.equal(replied.limit.safeParse({ within: "2s" }).success, false);
  assert.equal(replied.limit.safeParse({ share: "99%" }).success, false);
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
