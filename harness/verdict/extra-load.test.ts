import assert from "node:assert/strict";
import { test } from "node:test";
import {
  changed,
  event,
  fault,
  lostConnection,
  type Recorded,
  recorded,
  recordedSteady,
} from "../testing/recorded-run.ts";
import { judge } from "./judge.ts";

const slos = [{ slo: "availability", limit: "99%", during: [] }] as const;

/** The run of a scenario that is about 190/s beside the measured requests, with so many sent each 100 ms. */
function flooded(run: Recorded, sentAt: (atMs: number) => number, askedPerS = 190): Recorded {
  const stretches = Array.from({ length: 130 }, (_, index) => index * 100);
  const sent = stretches.map((atMs) => event(atMs, { type: "extra-load", count: sentAt(atMs) }));
  const load = { ...run.plan.load, extraPerS: askedPerS };
  return { ...run, plan: { ...run.plan, load }, events: [...run.events, ...sent] };
}

async function decided({ plan, events, samples }: Recorded) {
  const { outcome, reasons, extraLoad } = await judge(plan, { events, samples });
  return { outcome, codes: reasons.map(({ code }) => code), perS: extraLoad?.perS };
}

test("with the load that the scenario is about in each phase, SLOs decide", async () => {
  const { outcome, perS } = await decided(flooded(recorded(slos), () => 20));
  assert.equal(outcome, "PASS");
  assert.deepEqual(perS, { baseline: 200, fault: 200, recovery: 200 });
});

test("without it, SLOs that are met show nothing: INCONCLUSIVE", async () => {
  for (const none of [() => 0, () => 18.8, (atMs: number) => (atMs < 1000 ? 1000 : 0)]) {
    const { outcome, codes } = await decided(flooded(recorded(slos), none));
    assert.equal(outcome, "INCONCLUSIVE");
    assert.ok(codes.length === 3 && codes.every((code) => code === "EXTRA_LOAD_MISSING"), `${codes}`);
  }
  const steady = { ...recordedSteady(slos), plan: flooded(recordedSteady(slos), () => 0).plan };
  assert.equal((await decided(steady)).outcome, "INCONCLUSIVE", "the script reported nothing at all");
});

test("each phase is asked for itself: more in one makes up for nothing in another", async () => {
  const late = flooded(recorded(slos), (atMs) => (atMs >= 5000 && atMs < 9000 ? 0 : 100));
  assert.deepEqual((await decided(late)).codes, ["EXTRA_LOAD_MISSING"]);
});

test("exactly what was asked for is enough, whatever its rate and wherever it falls on edges", async () => {
  const every = (ms: number, offsetMs: number) => (atMs: number) => ((atMs + offsetMs) % ms === 0 ? 1 : 0);
  for (const offsetMs of [0, 100, 200]) {
    const exact = flooded(recorded(slos), every(300, offsetMs), 200 / 60);
    assert.deepEqual((await decided(exact)).codes, [], `${offsetMs}`);
  }
  // 200 with each of 5 measured requests a second: a phase may have 200 less.
  const lots = (atMs: number) => (atMs % 200 === 0 ? 200 : 0);
  const edge = flooded(recorded(slos), (atMs) => (atMs === 5000 ? 0 : lots(atMs)), 1000);
  const { plan, events, samples } = edge;
  const slow = { ...plan, load: { ...plan.load, ratePerS: 5 } };
  const few = samples.filter((_, index) => index % 20 === 0);
  const { reasons } = await judge(slow, { events, samples: few });
  assert.ok(!reasons.some(({ code }) => code === "EXTRA_LOAD_MISSING"));
});

test("what is rarer than one a phase must be there once", async () => {
  const once = (atMs: number) => (atMs === 6000 ? 1 : 0);
  assert.equal((await decided(flooded(recorded(slos), once, 2 / 60))).outcome, "PASS");
  for (const never of [() => 0, (atMs: number) => (atMs < 1000 ? 1 : 0)]) {
    assert.deepEqual(await decided(flooded(recorded(slos), never, 2 / 60)).then(({ codes }) => codes), [
      "EXTRA_LOAD_MISSING",
    ]);
  }
});

test("a little less than was asked for is less, and is told in numbers that show it", async () => {
  // Half a request less in 12 s is how they fall, five are not.
  const { plan, events, samples } = flooded(recordedSteady(slos), () => 1.33, 13.34);
  assert.deepEqual((await judge(plan, { events, samples })).reasons, []);
  const less = flooded(recordedSteady(slos), (atMs) => (atMs % 1000 === 0 ? 3 : 0), 3.34);
  const { outcome, reasons } = await judge(less.plan, less);
  assert.equal(outcome, "INCONCLUSIVE");
  assert.match(
    reasons[0]?.message ?? "",
    /sent 36 requests .* during baseline, .* about 3\.34\/s or more: 41 in its 12 s/,
  );
});

test("a phase is asked as it ran, also where no fault was in force", async () => {
  // Two short faults, and in the 3 s between them no flood.
  const between = flooded(recorded(slos), (atMs) => (atMs >= 5500 && atMs < 8500 ? 0 : 24));
  const other = (state: "requested" | "proven" | "heal-requested" | "healed-proven", atMs: number) => ({
    ...fault(state, atMs),
    fault: "1-kill-node",
  });
  const first = between.events.map((one) =>
    one.type === "fault" && one.state === "heal-requested" ? { ...one, atMs: 5500 } : one,
  );
  const run = {
    ...between,
    plan: {
      ...between.plan,
      faults: ["0-kill-node", "1-kill-node"].flatMap((id) =>
        between.plan.faults.map((one) => ({ ...one, id })),
      ),
    },
    events: [
      ...first,
      other("requested", 8500),
      other("proven", 8510),
      other("heal-requested", 9000),
      other("healed-proven", 9500),
    ],
  };
  assert.deepEqual(await decided(run).then(({ outcome, codes }) => [outcome, codes]), [
    "INCONCLUSIVE",
    ["EXTRA_LOAD_MISSING"],
  ]);
});

test("what was counted in one stretch is shared out over the phases that it overlaps", async () => {
  // The phase begins in the middle of a stretch.
  const { plan, events, samples } = flooded(recorded(slos), () => 20, 200);
  const odd = events.map((one) =>
    one.type === "phase-started" && one.atMs === 5000 ? { ...one, atMs: 5050 } : one,
  );
  const { extraLoad } = await judge(plan, { events: odd, samples });
  assert.deepEqual(extraLoad?.perS, { baseline: 200, fault: 200, recovery: 200 });
});

test("a limit that is missed under less than was asked for is missed all the same: FAIL", async () => {
  const run = flooded(recordedSteady(slos), () => 1);
  const dead = changed(run, 2000, 4000, (one) => ({ ...one, ...lostConnection }));
  assert.deepEqual(await decided(dead).then(({ outcome, codes }) => [outcome, codes[0]]), [
    "FAIL",
    "LIMIT_MISSED",
  ]);
});

test("a scenario that asks for none has none to show", async () => {
  assert.equal((await decided(recorded(slos))).perS, undefined);
});
