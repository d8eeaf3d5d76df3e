import assert from "node:assert/strict";
import { test } from "node:test";
import {
  changed,
  event,
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
  assert.deepEqual(perS, { baseline: 200, fault: 197.5, recovery: 200 });
});

test("without it, SLOs that are met show nothing: INCONCLUSIVE", async () => {
  for (const none of [() => 0, () => 18, (atMs: number) => (atMs < 1000 ? 1000 : 0)]) {
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
