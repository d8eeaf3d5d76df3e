import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, lostConnection, recorded, recordedSteady } from "../testing/recorded-run.ts";
import { outageOf } from "./outage.ts";

const run = recorded([]);
const dead = (fromMs: number, untilMs: number) =>
  changed(run, fromMs, untilMs, (one) => ({ ...one, ...lostConnection })).samples;

test("an outage is counted from the fault's request to the first request after the last failure", () => {
  const samples = dead(5200, 6000);
  assert.deepEqual(outageOf(run.events, samples), { firstFailureMs: 200, backMs: 1000, failedRequests: 80 });
});

test("an outage that lasts to the end has no way back", () => {
  assert.deepEqual(outageOf(run.events, dead(12_000, 13_000)), { firstFailureMs: 7000, failedRequests: 100 });
});

test("nor has one that was seen in the load's last second", () => {
  const { backMs } = outageOf(run.events, dead(11_000, 11_900)) ?? {};
  assert.equal(backMs, 6900);
  assert.equal(outageOf(run.events, dead(11_000, 12_100))?.backMs, undefined);
});

test("failures before the fault are no outage, and without a fault there is none", () => {
  assert.deepEqual(outageOf(run.events, dead(2000, 3000)), { failedRequests: 0 });
  assert.equal(outageOf(recordedSteady([]).events, dead(2000, 3000)), undefined);
});
