import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProbeResult } from "../substrates/substrate.ts";
import { fakeDeployment } from "../testing/fake-deployment.ts";
import type { Check } from "./evidence.ts";
import { linksRefused, linksSilent, linksSlowed } from "./link-probe.ts";
import { processGone, processStopped } from "./process-state.ts";
import { prove, watch } from "./prove.ts";

const signal = new AbortController().signal;
const answered = (rttMs: number): ProbeResult => ({ outcome: "answered", rttMs });

function look(check: Check, link: ProbeResult, direct: ProbeResult) {
  const deployment = fakeDeployment({ probe: () => link, ask: () => direct });
  return check(deployment, signal);
}

test("slowed: only by comparison with the destination itself at the same time", async () => {
  const { inForce, healed } = linksSlowed(["api-0>redis-0"], 200);
  assert.equal((await look(inForce, answered(205), answered(5))).holds, true);
  assert.equal((await look(inForce, answered(205), answered(190))).holds, false, "the member itself is slow");
  assert.equal((await look(inForce, answered(5), answered(5))).holds, false);
  assert.equal((await look(inForce, { outcome: "silent" }, answered(5))).holds, false);
  assert.equal((await look(healed, answered(205), answered(5))).holds, false);
  assert.equal((await look(healed, answered(6), answered(5))).holds, true);
});

test("silent and refused are not each other, and prove nothing when the destination itself says nothing", async () => {
  const silent = linksSilent(["api-0>redis-0"]);
  const refused = linksRefused(["api-0>redis-0"]);
  assert.equal((await look(silent.inForce, { outcome: "silent" }, answered(1))).holds, true);
  assert.equal((await look(silent.inForce, { outcome: "refused" }, answered(1))).holds, false);
  assert.equal((await look(silent.inForce, { outcome: "silent" }, { outcome: "silent" })).holds, false);
  assert.equal((await look(refused.inForce, { outcome: "refused" }, answered(1))).holds, true);
  assert.equal((await look(refused.inForce, { outcome: "refused" }, { outcome: "refused" })).holds, false);
  assert.equal((await look(refused.inForce, answered(1), answered(1))).holds, false);
  assert.equal((await look(refused.healed, answered(1), answered(1))).holds, true);
});

test("one link that answers is enough to disprove", async () => {
  const { inForce } = linksSilent(["api-0>redis-0", "api-0>redis-1"]);
  const probe = (link: string): ProbeResult =>
    link === "api-0>redis-0" ? { outcome: "silent" } : answered(1);
  assert.equal((await inForce(fakeDeployment({ probe }), signal)).holds, false);
});

test("processes: gone is refused by the kernel, stopped does not answer, and a survivor in their place disproves both", async () => {
  const gone = { observe: () => ({ state: "gone", identity: "" }) as const };
  const stopped = { observe: () => ({ state: "stopped", identity: "1@1" }) as const };
  const says = (outcome: ProbeResult["outcome"]) => ({ ask: () => ({ outcome }) });
  const holds = async (check: Check, ...seen: object[]) =>
    (await check(fakeDeployment(Object.assign({}, ...seen)), signal)).holds;
  assert.equal(await holds(processGone(["redis-0"]).inForce, gone, says("refused")), true);
  assert.equal(await holds(processGone(["redis-0"]).inForce, gone, says("answered")), false);
  assert.equal(await holds(processGone(["redis-0"]).inForce, gone, says("silent")), false);
  assert.equal(await holds(processGone(["redis-0"]).inForce, stopped, says("refused")), false);
  assert.equal(await holds(processStopped(["redis-0"]).inForce, stopped, says("silent")), true);
  assert.equal(await holds(processStopped(["redis-0"]).inForce, stopped, says("answered")), false);
  assert.equal(await holds(processStopped(["redis-0"]).inForce, gone, says("silent")), false);
});

test("prove: twice in a row, not once; a look that throws saw nothing", async () => {
  const script =
    (...looks: (boolean | Error)[]): Check =>
    async () => {
      const next = looks.shift() ?? false;
      if (next instanceof Error) throw next;
      return { holds: next, saw: String(next) };
    };
  const deployment = fakeDeployment({});
  assert.equal((await prove(script(false, true, true, true), deployment, 5_000, signal)).holds, true);
  assert.equal(
    (await prove(script(new Error("x"), true, true, true), deployment, 5_000, signal)).holds,
    true,
  );
  assert.equal((await prove(script(true, false, true, false), deployment, 80, signal)).holds, false);
  const failed = await prove(
    script(...Array.from({ length: 100 }, () => new Error("no route"))),
    deployment,
    50,
    signal,
  );
  assert.deepEqual([failed.holds, failed.saw], [false, "the look failed: no route"]);
});

test("watch: tells of a lapse seen twice, and of nothing when it is called off", async () => {
  let looks = 0;
  const lapses: Check = async () => ({ holds: ++looks < 4, saw: `look ${looks}` });
  assert.deepEqual(await watch(lapses, fakeDeployment({}), 1, signal), { holds: false, saw: "look 5" });
  const off = new AbortController();
  setTimeout(() => off.abort(), 30);
  assert.equal(
    await watch(async () => ({ holds: true, saw: "" }), fakeDeployment({}), 1, off.signal),
    undefined,
  );
});
