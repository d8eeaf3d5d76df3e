import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RunEvent } from "../journal/event.ts";
import type { PlannedSlo } from "../plan/plan.ts";
import {
  changed,
  event,
  fault,
  lostConnection,
  onLink,
  type Recorded,
  recorded,
  recordedSteady,
  without,
} from "../testing/recorded-run.ts";
import { judge } from "./judge.ts";
import type { Verdict } from "./verdict.ts";

const availability = (during: PlannedSlo["during"], limit = "99%"): PlannedSlo => ({
  slo: "availability",
  limit,
  during,
});
const answers: PlannedSlo = { slo: "answers", limit: "correct", during: [] };
const everySlo: readonly PlannedSlo[] = [
  availability(["baseline"]),
  availability(["fault"]),
  { slo: "latency", limit: { p99: "800ms" }, during: ["fault"] },
  answers,
  {
    slo: "recovered",
    limit: { cacheHitShare: "90% of baseline", heldFor: "2s", within: "1s", after: "fault" },
    during: [],
  },
];
const failAll = () => ({ ...lostConnection });
const dead = (run: Recorded, fromMs: number, untilMs: number) =>
  changed(run, fromMs, untilMs, (one) => ({ ...one, ...failAll() }));

function judged({ plan, events, samples }: Recorded): Promise<Verdict> {
  return judge(plan, { events, samples });
}

async function decided(run: Recorded): Promise<{ outcome: string; codes: string[] }> {
  const { outcome, reasons } = await judged(run);
  return { outcome, codes: reasons.map(({ code }) => code) };
}

test("a run that went well passes every SLO", async () => {
  const verdict = await judged(recorded(everySlo));
  assert.equal(verdict.outcome, "PASS", verdict.because);
  assert.equal(verdict.exitCode, 0);
  assert.deepEqual(verdict.reasons, []);
  assert.deepEqual(
    verdict.slos.map(({ outcome }) => outcome),
    everySlo.map(() => "pass"),
  );
  assert.deepEqual(verdict.load, { planned: 1300, sampled: 1300, dropped: 0, lost: 0, failed: 0 });
  assert.deepEqual(verdict.outage, { failedRequests: 0 });
});

test("a limit missed while the fault was in force is FAIL", async () => {
  const run = dead(recorded([availability(["baseline"]), availability(["fault"])]), 5100, 5500);
  assert.deepEqual(await decided(run), { outcome: "FAIL", codes: ["LIMIT_MISSED"] });
  assert.equal((await judged(run)).exitCode, 1);
});

test("what fails between the fault's request and its proof is not the fault window's", async () => {
  const run = dead(recorded([availability(["fault"])]), 5000, 5050);
  assert.equal((await decided(run)).outcome, "PASS");
});

test("no SLO is INCONCLUSIVE", async () => {
  assert.deepEqual(await decided(recorded([])), { outcome: "INCONCLUSIVE", codes: ["NO_SLO"] });
});

test("no samples, and too few of them, are INCONCLUSIVE", async () => {
  const run = recorded([availability(["fault"])]);
  const none = { ...run, samples: [], plan: { ...run.plan, load: { ...run.plan.load, durationMs: 0 } } };
  assert.deepEqual(await decided(none), { outcome: "INCONCLUSIVE", codes: ["FAULT_NOT_MET", "NO_SAMPLES"] });
  const slow = { ...run.plan, load: { ...run.plan.load, ratePerS: 50 } };
  const half = { ...run, plan: slow, samples: run.samples.filter((_, index) => index % 2 === 0) };
  assert.deepEqual(await decided(half), { outcome: "INCONCLUSIVE", codes: ["TOO_FEW_SAMPLES"] });
});

test("a phase that the run never had is INCONCLUSIVE", async () => {
  assert.deepEqual(await decided(recordedSteady([availability(["fault"])])), {
    outcome: "INCONCLUSIVE",
    codes: ["NO_SAMPLES"],
  });
});

test("a hole in the samples is INCONCLUSIVE where it decides, and only there", async () => {
  const hole = (untilMs: number) => changed(recorded(everySlo.slice(1, 2)), 6000, untilMs, () => undefined);
  assert.deepEqual(await decided(hole(6500)), { outcome: "INCONCLUSIVE", codes: ["SAMPLES_MISSING"] });
  assert.equal((await decided(hole(6030))).outcome, "PASS");
  const atTheEnd = changed(recorded([availability([])]), 12_800, 13_000, () => undefined);
  assert.deepEqual(await decided(atTheEnd), { outcome: "INCONCLUSIVE", codes: ["SAMPLES_MISSING"] });
  const elsewhere = changed(recorded(everySlo.slice(1, 2)), 2000, 2500, () => undefined);
  assert.equal((await decided(elsewhere)).outcome, "PASS");
  assert.equal((await judged(elsewhere)).load.lost, 50);
});

test("a load generator that stalls over the fault's end, and catches up after it, has not measured the fault", async () => {
  const run = recorded([availability(["fault"])]);
  const late = changed(run, 7500, 9000, (one) => ({ ...one, startMs: 9000 + (one.startMs - 7500) / 100 }));
  assert.deepEqual(await decided(late), { outcome: "INCONCLUSIVE", codes: ["SAMPLES_MISSING"] });
  assert.equal((await judged(late)).load.lost, 0);
  // Or has dropped them when it went on.
  const gone = changed(run, 7500, 9000, () => undefined);
  const dropped = event(9001, { type: "arrivals-dropped", count: 150 });
  assert.deepEqual(await decided({ ...gone, events: [...gone.events, dropped] }), {
    outcome: "INCONCLUSIVE",
    codes: ["SAMPLES_MISSING"],
  });
  // A pause in the middle hides nothing, nor does a short one at the end.
  const move = (fromMs: number, untilMs: number) =>
    decided(
      changed(run, fromMs, untilMs, (one) => ({ ...one, startMs: untilMs + (one.startMs - fromMs) / 100 })),
    );
  assert.equal((await move(6000, 7500)).outcome, "PASS");
  assert.equal((await move(8920, 9000)).outcome, "PASS");
});

test("dropped arrivals are missing samples, and an outage that starves the load is still seen", async () => {
  const run = changed(recorded([availability(["fault"])]), 6000, 6500, () => undefined);
  const dropped = {
    ...run,
    events: [...run.events, event(6500, { type: "arrivals-dropped", count: 50 })],
  };
  assert.deepEqual(await decided(dropped), { outcome: "INCONCLUSIVE", codes: ["SAMPLES_MISSING"] });
  assert.deepEqual((await judged(dropped)).load, {
    planned: 1300,
    sampled: 1250,
    dropped: 50,
    lost: 0,
    failed: 0,
  });
  assert.equal((await decided(dead(dropped, 5500, 6000))).outcome, "FAIL");
});

test("a fault that was not proven is INCONCLUSIVE, whatever the SLOs say", async () => {
  const unproven = (run: Recorded) => without(run, (one) => one.type === "fault" && one.state === "proven");
  assert.deepEqual(await decided(unproven(recorded([answers]))), {
    outcome: "INCONCLUSIVE",
    codes: ["FAULT_NOT_PROVEN"],
  });
  const failing = await decided(unproven(dead(recorded([availability([])]), 5100, 6500)));
  assert.deepEqual(failing, { outcome: "INCONCLUSIVE", codes: ["FAULT_NOT_PROVEN", "FAULT_NOT_PROVEN"] });
  const never = without(recorded([answers]), (one) => one.type === "fault");
  assert.deepEqual(await decided(never), { outcome: "INCONCLUSIVE", codes: ["FAULT_NOT_PROVEN"] });
});

test("what is told of a fault that was not proven is why, not how it healed", async () => {
  const run = recorded([answers]);
  const saw = (state: string, said: string) => (one: RunEvent) =>
    one.type === "fault" && one.state === state ? { ...one, saw: said } : one;
  const states = (...changes: ((one: RunEvent) => RunEvent)[]) => ({
    ...run,
    events: run.events.map((one) => changes.reduce((changed, change) => change(changed), one)),
  });
  const unproven = states(
    (one) => (one.type === "fault" && one.state === "proven" ? { ...one, state: "not-proven" } : one),
    saw("not-proven", "it still answers"),
    saw("healed-proven", "all serve"),
  );
  const { faults, reasons } = await judged(unproven);
  assert.equal(faults[0]?.saw, "it still answers");
  assert.match(reasons[0]?.message ?? "", /it still answers$/);
});

test("a fault that no request met is INCONCLUSIVE, and one is enough", async () => {
  const at = (healMs: number, end = (one: Recorded) => one) => {
    const run = end(recorded([availability([], "75%")]));
    const events = run.events.map((one) =>
      one.type === "fault" && one.state === "heal-requested" ? { ...one, atMs: healMs } : one,
    );
    const plan = { ...run.plan, load: { ...run.plan.load, ratePerS: 1 } };
    return decided({ plan, events, samples: run.samples.filter(({ startMs }) => startMs % 1000 === 0) });
  };
  assert.deepEqual(await at(5950), { outcome: "INCONCLUSIVE", codes: ["FAULT_NOT_MET"] });
  assert.equal((await at(6050)).outcome, "PASS");
  // Of a run that did not get to its end, that says nothing.
  const cut = (run: Recorded) => without(run, ({ type }) => type === "run-ended");
  assert.deepEqual((await at(5950, cut)).codes, ["RUN_CUT_SHORT"]);
});

test("a miss is not the system's where one fault was not proven and another did not heal", async () => {
  const run = dead(recorded([availability([])]), 5100, 9000);
  const second = run.events.flatMap((one) =>
    one.type === "fault" ? [{ ...one, fault: "1-kill-node" }] : [],
  );
  const unproven = without(run, (one) => one.type === "fault" && one.state === "proven");
  const { outcome, codes } = await decided({
    ...unproven,
    plan: { ...run.plan, faults: run.plan.faults.flatMap((one) => [one, { ...one, id: "1-kill-node" }]) },
    events: [...unproven.events, ...second.filter(({ state }) => state !== "healed-proven")],
  });
  assert.equal(outcome, "INCONCLUSIVE");
  assert.deepEqual(codes.toSorted(), ["FAULT_NOT_HEALED", "FAULT_NOT_PROVEN", "FAULT_NOT_PROVEN"]);
});

test("of a fault that lapsed it is told how, not how it had been seen before", async () => {
  const run = recorded([answers]);
  const lapsed = event(7000, {
    type: "fault",
    fault: "0-kill-node",
    kind: "kill-node",
    state: "not-proven",
    targets: ["redis-2"],
    saw: "it answers again",
  });
  const { reasons } = await judged({ ...run, events: [...run.events, lapsed] });
  assert.deepEqual(
    reasons.map(({ code }) => code),
    ["FAULT_NOT_PROVEN"],
  );
  assert.match(reasons[0]?.message ?? "", /it answers again$/);
});

test("a proven fault whose end is unknown is INCONCLUSIVE", async () => {
  const run = without(recorded([answers]), (one) => one.type === "fault" && /heal/.test(one.state));
  assert.deepEqual(await decided(run), { outcome: "INCONCLUSIVE", codes: ["FAULT_NOT_PROVEN"] });
});

test("a fault that did not heal is INCONCLUSIVE, and excuses only what came after", async () => {
  const healthy = recorded([availability([])]);
  const unhealed = {
    ...without(healthy, (one) => one.type === "fault" && one.state === "healed-proven"),
  };
  assert.deepEqual(await decided(unhealed), { outcome: "INCONCLUSIVE", codes: ["FAULT_NOT_HEALED"] });
  const downAfter = await decided(dead(unhealed, 9000, 13_000));
  assert.deepEqual(downAfter, { outcome: "INCONCLUSIVE", codes: ["FAULT_NOT_HEALED", "FAULT_NOT_HEALED"] });
  const downDuring = await decided(dead(unhealed, 5100, 9000));
  assert.deepEqual(downDuring, { outcome: "FAIL", codes: ["LIMIT_MISSED", "FAULT_NOT_HEALED"] });
  const stated = { ...unhealed, events: [...unhealed.events, fault("not-healed", 12_000)] };
  assert.deepEqual((await decided(stated)).codes, ["FAULT_NOT_HEALED"]);
});

test("a wrong answer counts in the warm-up too, a failed request does not", async () => {
  const wrong = (run: Recorded) => changed(run, 500, 510, (one) => ({ ...one, answer: "foreign" }));
  assert.equal((await decided(wrong(recordedSteady([answers])))).outcome, "FAIL");
  assert.deepEqual((await decided(wrong(recorded([answers])))).codes, ["BASELINE_SICK"]);
  assert.equal((await decided(dead(recordedSteady([availability([])]), 0, 1000))).outcome, "PASS");
});

test("a field that no sample carries is INCONCLUSIVE", async () => {
  const silent = (run: Recorded) => changed(run, 0, 13_000, (one) => ({ ...one, cache: "", answer: "" }));
  assert.deepEqual(await decided(silent(recorded([answers]))), {
    outcome: "INCONCLUSIVE",
    codes: ["FIELD_NOT_REPORTED"],
  });
  assert.equal((await decided(silent(recorded([availability([])])))).outcome, "PASS");
  // Where nothing was answered, that is what there is to say.
  assert.deepEqual((await decided(dead(recorded([answers]), 0, 13_000))).codes, ["NO_SAMPLES"]);
});

test("a load that failed makes no statement, one that the harness ended does", async () => {
  const withLoadEnd = (run: Recorded, code: number | null, signal: string | null, expected: boolean) => ({
    ...run,
    events: run.events.map((one) =>
      one.type === "load-ended" ? event(one.atMs, { type: "load-ended", code, signal, expected }) : one,
    ),
  });
  const failing = dead(recorded([availability(["fault"])]), 5100, 9000);
  assert.deepEqual(await decided(withLoadEnd(failing, 107, null, false)), {
    outcome: "HARNESS_ERROR",
    codes: ["LOAD_FAILED", "LOAD_FAILED"],
  });
  assert.equal((await decided(withLoadEnd(failing, null, "SIGKILL", false))).outcome, "HARNESS_ERROR");
  assert.equal((await decided(withLoadEnd(failing, null, "SIGTERM", true))).outcome, "FAIL");
  const never = without(recorded([answers]), (one) => one.type === "load-ended");
  assert.deepEqual(await decided(never), { outcome: "HARNESS_ERROR", codes: ["LOAD_FAILED"] });
});

test("how the run ended comes before what its SLOs say", async () => {
  const failing = dead(recorded([availability(["fault"])]), 5100, 9000);
  const ending = (how: "interrupted" | "failed") => ({
    ...without(failing, (one) => one.type === "run-ended"),
    events: [
      ...without(failing, (one) => one.type === "run-ended").events,
      event(13_500, {
        type: "run-ended",
        how,
        ...(how === "failed" ? { error: { code: "DEPLOYMENT_BROKEN", message: "redis-1 has died" } } : {}),
      }),
    ],
  });
  const interrupted = await judged(ending("interrupted"));
  assert.equal(interrupted.outcome, "INTERRUPTED");
  assert.equal(interrupted.exitCode, 130);
  const failed = await judged(ending("failed"));
  assert.equal(failed.outcome, "HARNESS_ERROR");
  assert.equal(failed.reasons[0]?.code, "DEPLOYMENT_BROKEN");
  assert.equal(failed.exitCode, 3);
  const cut = await decided(without(failing, (one) => one.type === "run-ended"));
  assert.equal(cut.outcome, "HARNESS_ERROR");
  assert.equal(cut.codes[0], "RUN_CUT_SHORT");
});

test("a run that could not be stopped after it was over is not a PASS", async () => {
  const run = recorded([answers]);
  const end = event(14_000, {
    type: "run-ended",
    how: "failed",
    error: { code: "NOT_STOPPED", message: "" },
  });
  assert.equal((await decided({ ...run, events: [...run.events, end] })).outcome, "HARNESS_ERROR");
});

test("a run that failed before its load can be judged", async () => {
  const run = recorded([availability([])]);
  const failed = event(100, { type: "run-ended", how: "failed", error: { code: "NOT_READY", message: "" } });
  const early = { ...run, samples: [], events: [...run.events.slice(0, 1), failed] };
  const verdict = await judged(early);
  assert.equal(verdict.outcome, "HARNESS_ERROR");
  assert.equal(verdict.load.lost, 0);
});

test("a plan that this version cannot read is one clear error", async () => {
  await assert.rejects(judged(recorded([{ slo: "carbon", limit: "1g", during: [] }])), {
    code: "PLAN_UNREADABLE",
  });
  await assert.rejects(judged(recorded([availability([], "9x")])), { code: "PLAN_UNREADABLE" });
});

test("judging twice, in any order of events and samples, gives the same bytes", async () => {
  const run = dead(recorded(everySlo), 5060, 5200);
  const bytes = JSON.stringify(await judged(run));
  assert.equal(JSON.stringify(await judged(run)), bytes);
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...run.samples], { minLength: run.samples.length }),
      async (samples) => {
        const events = run.events.toReversed();
        assert.equal(JSON.stringify(await judged({ ...run, samples, events })), bytes);
      },
    ),
    { numRuns: 20 },
  );
});

test("a failed sample more never turns a FAIL into a PASS, nor a hole anything into a PASS", async () => {
  const slo = fc.constantFrom<PlannedSlo>(
    availability([]),
    availability(["fault"], "99.9%"),
    { slo: "latency", limit: { p90: "50ms", p99: "200ms" }, during: ["fault"] },
    {
      slo: "recovered",
      limit: { availability: "95%", heldFor: "1s", within: "2s", after: "fault" },
      during: [],
    },
  );
  const index = fc.nat({ max: 1299 });
  await fc.assert(
    fc.asyncProperty(slo, index, fc.nat({ max: 600 }), index, async (one, from, length, more) => {
      const before = dead(recorded([one]), from * 10, (from + length) * 10);
      const worse = dead(before, more * 10, more * 10 + 10);
      const [was, is] = [(await decided(before)).outcome, (await decided(worse)).outcome];
      assert.ok(!(was === "FAIL" && is === "PASS"), `${was} became ${is}`);
      const holed = changed(before, more * 10, (more + 100) * 10, () => undefined);
      assert.ok(was === "PASS" || (await decided(holed)).outcome !== "PASS");
    }),
    { numRuns: 60 },
  );
});

test("100,000 samples are judged", async (context) => {
  const run = recordedSteady([
    availability([]),
    { slo: "latency", limit: { p99: "800ms" }, during: [] },
    answers,
  ]);
  const [first] = run.samples;
  assert.ok(first !== undefined);
  const samples = Array.from({ length: 100_000 }, (_, index) => ({ ...first, startMs: index * 0.13 }));
  const plan = { ...run.plan, load: { ...run.plan.load, ratePerS: 100_000 / 13 } };
  const began = performance.now();
  const verdict = await judge(plan, { events: run.events, samples });
  context.diagnostic(`judged in ${(performance.now() - began).toFixed(0)} ms`);
  assert.equal(verdict.outcome, "PASS", verdict.because);
});

test("an outage that begins after the heal is FAIL where an SLO names the recovery", async () => {
  // The last heal is requested a second before the recovery phase begins.
  const healed = recorded([availability(["fault"], "98%"), availability(["recovery"])]);
  const events = healed.events.map((one) =>
    one.type === "fault" && one.state === "heal-requested" ? { ...one, atMs: 8000 } : one,
  );
  const down = (fromMs: number, untilMs: number) => decided(dead({ ...healed, events }, fromMs, untilMs));
  assert.deepEqual(await down(8000, 13_000), { outcome: "FAIL", codes: ["LIMIT_MISSED"] });
  assert.deepEqual(await down(8000, 9000), { outcome: "FAIL", codes: ["LIMIT_MISSED"] });
  const verdict = await judged(dead({ ...healed, events }, 8000, 9000));
  assert.deepEqual(
    verdict.slos.map(({ outcome, n }) => [outcome, n]),
    [
      ["pass", 295],
      ["fail", 500],
    ],
  );
});

test("an outage of the recovery is not held against a system whose fault did not heal", async () => {
  const run = dead(recorded([availability(["recovery"])]), 9000, 13_000);
  const unhealed = without(run, (one) => one.type === "fault" && one.state === "healed-proven");
  assert.deepEqual(await decided(unhealed), {
    outcome: "INCONCLUSIVE",
    codes: ["FAULT_NOT_HEALED", "FAULT_NOT_HEALED"],
  });
});

test("a load script that reports an arrival twice makes no statement", async () => {
  const failing = dead(recorded([availability(["fault"])]), 5100, 9000);
  const more = (count: number, dropped = 0): Recorded => ({
    ...failing,
    samples: [...failing.samples, ...failing.samples.slice(0, count)],
    events: [
      ...failing.events,
      ...(dropped === 0 ? [] : [event(6000, { type: "arrivals-dropped", count: dropped })]),
    ],
  });
  const overreported = { outcome: "HARNESS_ERROR", codes: ["LOAD_OVERREPORTED", "LOAD_OVERREPORTED"] };
  assert.deepEqual(await decided(more(1300)), overreported);
  assert.deepEqual(await decided(more(14)), overreported);
  assert.deepEqual(await decided(more(10, 4)), overreported);
  assert.equal((await decided(more(13))).outcome, "FAIL");
  // Of few, the edges are more than 1%.
  const steady = recordedSteady([answers]);
  const short = (samples: number): Recorded => ({
    ...steady,
    plan: { ...steady.plan, load: { ...steady.plan.load, ratePerS: 100 / 13 } },
    samples: steady.samples.slice(0, samples),
  });
  assert.deepEqual((await decided(short(106))).codes[0], "LOAD_OVERREPORTED");
  assert.equal((await decided(short(105))).outcome, "INCONCLUSIVE");
});

const lenient = [availability([], "90%")];
const exited = (process: string, atMs: number, expected = false) =>
  event(atMs, { type: "process-exited", process, pid: 7, code: 1, signal: null, expected });
const also = (run: Recorded, ...more: RunEvent[]) => ({ ...run, events: [...run.events, ...more] });

test("a member that ended by itself is a FAIL, and one that the harness ended is not", async () => {
  const run = recorded(lenient);
  assert.deepEqual(await decided(also(run, exited("api-1", 6000))), {
    outcome: "FAIL",
    codes: ["MEMBER_DIED"],
  });
  assert.equal((await decided(also(run, exited("api-1", 6000, true)))).outcome, "PASS");
});

test("a fault excuses the end of what it hit from its request until its heal is known, and no other", async () => {
  const run = recorded(lenient);
  for (const atMs of [5000, 5020, 9200, 9500]) {
    assert.equal((await decided(also(run, exited("redis-2", atMs)))).outcome, "PASS", `at ${atMs} ms`);
  }
  for (const atMs of [3000, 10_000]) {
    const died = await decided(also(run, exited("redis-2", atMs)));
    assert.deepEqual(died, { outcome: "FAIL", codes: ["MEMBER_DIED"] }, `at ${atMs} ms`);
  }
  const open = without(run, (one) => one.type === "fault" && one.state === "healed-proven");
  assert.deepEqual((await decided(also(open, exited("redis-2", 12_000)))).codes, ["FAULT_NOT_HEALED"]);
  const unhealed = also(open, fault("not-healed", 11_000));
  assert.deepEqual((await decided(also(unhealed, exited("redis-2", 10_000)))).codes, ["FAULT_NOT_HEALED"]);
  assert.deepEqual((await decided(also(unhealed, exited("redis-2", 12_000)))).codes, [
    "MEMBER_DIED",
    "FAULT_NOT_HEALED",
  ]);
});

test("what ends after the run, while the system is kept up for a look, is not held against it", async () => {
  const end = event(20_000, { type: "run-ended", how: "completed" });
  assert.equal((await decided(also(recorded(lenient), exited("api-1", 15_000), end))).outcome, "PASS");
});

test("a connection past all links is a doubt where a fault is on links, and nowhere else", async () => {
  const run = recorded(lenient);
  const bypass = event(6000, { type: "bypass", to: "redis-1", from: "127.0.0.1:5" });
  assert.equal((await decided(also(run, bypass))).outcome, "PASS");
  assert.equal((await decided(onLink(run))).outcome, "PASS");
  assert.deepEqual(await decided(also(onLink(run), bypass)), {
    outcome: "INCONCLUSIVE",
    codes: ["LINK_BYPASSED"],
  });
});

test("a fault on links that nothing had used before it is INCONCLUSIVE", async () => {
  const run = onLink(recorded(lenient));
  const used = (connections: Readonly<Record<string, number>>, atMs = 4000) =>
    event(atMs, {
      type: "traffic",
      entry: {},
      links: Object.fromEntries(
        Object.entries(connections).map(([link, count]) => [
          link,
          { connections: count, bytesOut: 0, bytesIn: 0 },
        ]),
      ),
    });
  const unused = { outcome: "INCONCLUSIVE", codes: ["LINK_UNUSED"] };
  assert.deepEqual(await decided(also(run, used({ "api-0>redis-2": 0, "api-0>redis-0": 9 }))), unused);
  assert.deepEqual(await decided(also(run, used({}))), unused);
  assert.deepEqual(await decided(without(run, ({ type }) => type === "traffic")), unused);
  assert.deepEqual(await decided(also(run, used({}), used({ "api-0>redis-2": 1 }, 6000))), unused);
  assert.equal((await decided(also(run, used({}, 6000)))).outcome, "PASS");
  const two = run.events.map((one) =>
    one.type === "fault" ? { ...one, targets: ["api-0>redis-1", "api-0>redis-2"] } : one,
  );
  assert.equal((await decided({ ...run, events: two })).outcome, "PASS", "one of the links was used");
  const onMembers = without(recorded(lenient), ({ type }) => type === "traffic");
  assert.equal((await decided(onMembers)).outcome, "PASS");
});

test("the summary counts further misses, and nothing that merely could not be concluded", async () => {
  const few = { ...availability(["baseline"]), limit: "99.99%" };
  const run = dead(recorded([availability(["fault"]), few]), 5100, 5500);
  const { because, reasons } = await judged(run);
  assert.equal(reasons.length, 2);
  assert.doesNotMatch(because, /more\)/);
  const twice = dead(recorded([availability(["fault"]), availability(["fault"], "98%")]), 5100, 5500);
  assert.match((await judged(twice)).because, /\(and 1 more\)$/);
});
