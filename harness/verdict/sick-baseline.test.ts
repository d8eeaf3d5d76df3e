import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlannedSlo } from "../plan/plan.ts";
import { changed, lostConnection, type Recorded, recorded, recordedSteady } from "../testing/recorded-run.ts";
import { judge } from "./judge.ts";

const availability = (during: PlannedSlo["during"], limit = "99%"): PlannedSlo => ({
  slo: "availability",
  limit,
  during,
});
const dead = (run: Recorded, fromMs: number, untilMs: number) =>
  changed(run, fromMs, untilMs, (one) => ({ ...one, ...lostConnection }));

async function decided({ plan, events, samples }: Recorded): Promise<{ outcome: string; codes: string[] }> {
  const { outcome, reasons } = await judge(plan, { events, samples });
  return { outcome, codes: reasons.map(({ code }) => code) };
}

test("a miss in the baseline before a fault is INCONCLUSIVE, without a fault it is FAIL", async () => {
  for (const during of [["baseline"], ["baseline", "fault"], []] as const) {
    const sick = dead(recorded([availability(during)]), 1000, 2000);
    assert.deepEqual(await decided(sick), { outcome: "INCONCLUSIVE", codes: ["BASELINE_SICK"] });
    const steady = dead(
      recordedSteady([availability(during.filter((name) => name !== "fault"))]),
      1000,
      2000,
    );
    assert.deepEqual(await decided(steady), { outcome: "FAIL", codes: ["LIMIT_MISSED"] });
  }
});

test("what was under way when the fault came says nothing of the baseline, and is no sign of illness", async () => {
  // Answers take 500 ms, so 50 requests are under way when the fault comes and hits them.
  const slow = (slos: readonly PlannedSlo[]) =>
    changed(recorded(slos), 0, 5000, (one) =>
      one.startMs < 4500
        ? { ...one, durationMs: 500 }
        : { ...one, ...lostConnection, durationMs: 5050 - one.startMs },
    );
  const during = [availability(["baseline"]), availability(["fault"])];
  assert.equal((await decided(slow(during))).outcome, "PASS");
  assert.deepEqual(await decided(dead(slow(during), 5100, 9000)), {
    outcome: "FAIL",
    codes: ["LIMIT_MISSED"],
  });
  // Over the whole run they count: the fault has hit them.
  assert.deepEqual(await decided(slow([availability([])])), { outcome: "FAIL", codes: ["LIMIT_MISSED"] });
  // What had failed before the fault came is illness.
  assert.deepEqual(await decided(dead(recorded([availability(["baseline"])]), 4500, 4900)), {
    outcome: "INCONCLUSIVE",
    codes: ["BASELINE_SICK"],
  });
});

test("a stall that began before the fault is the baseline's, though its requests ended after", async () => {
  const stalled = (run: Recorded, untilMs: number) =>
    changed(run, 2600, untilMs, (one) => ({ ...one, ...lostConnection, durationMs: 3000 }));
  const latency: PlannedSlo = { slo: "latency", limit: { p95: "800ms" }, during: ["baseline"] };
  const sick = { outcome: "INCONCLUSIVE", codes: ["BASELINE_SICK"] };
  for (const slo of [availability(["baseline"], "98%"), availability([], "98%"), latency]) {
    assert.deepEqual(await decided(stalled(recorded([slo]), 5000)), sick);
  }
  // Nothing is held against a system under a fault that hung before it, and goes on to.
  const hanging = stalled(recorded([availability(["baseline"], "98%"), availability(["fault"])]), 13_000);
  assert.deepEqual(await decided(hanging), { ...sick, codes: ["BASELINE_SICK", "BASELINE_SICK"] });
  assert.deepEqual(await decided(stalled(recorded([availability(["fault"])]), 5000)), {
    outcome: "PASS",
    codes: [],
  });
});

test("where nothing was answered before the fault, whatever was under way counts as what it became", async () => {
  const never = changed(recorded([availability(["baseline"])]), 0, 5000, (one) => ({
    ...one,
    ...lostConnection,
    durationMs: 5050 - one.startMs,
  }));
  assert.deepEqual(await decided(never), { outcome: "INCONCLUSIVE", codes: ["BASELINE_SICK"] });
  // An answer in the warm-up took long, as first ones do, and excuses no stall.
  const cold = changed(never, 0, 10, (one) => ({ ...one, status: 200, error: "", durationMs: 4900 }));
  assert.deepEqual(await decided(cold), { outcome: "INCONCLUSIVE", codes: ["BASELINE_SICK"] });
});

test("a sick baseline takes the proof from later misses", async () => {
  const run = dead(
    dead(recorded([availability(["baseline"]), availability(["fault"])]), 1000, 2000),
    6000,
    8000,
  );
  assert.deepEqual(await decided(run), {
    outcome: "INCONCLUSIVE",
    codes: ["BASELINE_SICK", "BASELINE_SICK"],
  });
});
