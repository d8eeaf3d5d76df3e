import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyName } from "../policies/catalog.ts";
import { readTrace } from "../policies/traces.fixture.ts";
import { endless, failing, lost, whereRun } from "./jobs.fixture.ts";
import { type PolicyJob, policyRun } from "./policy-run.ts";
import { runSweep } from "./run-sweep.ts";
import { shareArrays } from "./share-arrays.ts";

const numbers = Float64Array.from({ length: 40 }, (_, i) => i / 2);
const jobs = [...numbers.keys()];

test("a sweep on two threads gives what one thread gives, in the order of the jobs", async () => {
  const stream = await readTrace("sprite");
  const names: PolicyName[] = ["lru", "sieve", "arc", "belady"];
  const policyJobs: PolicyJob[] = names.flatMap((policy) =>
    [10, 100, 1000].map((capacity) => ({ policy, capacity, countFrom: 1000 })),
  );
  const here = await runSweep(policyRun, policyJobs, stream, { workers: 0 });
  assert.deepEqual(await runSweep(policyRun, policyJobs, stream, { workers: 2 }), here);
  assert.equal(here[0]?.requests, stream.requests.length - 1000);
  const first = { ...stream, requests: stream.requests.subarray(0, 1000) };
  const warmup = policyRun.run(first, { policy: "lru", capacity: 1000 }).hits;
  assert.equal(here[2]?.hits, policyRun.run(stream, { policy: "lru", capacity: 1000 }).hits - warmup);
});

test("the threads read one shared copy, and every result is told once", async () => {
  const told: number[] = [];
  const results = await runSweep(
    whereRun,
    jobs,
    { numbers },
    { workers: 2, onResult: (index) => told.push(index) },
  );
  assert.deepEqual(
    results.map(({ value }) => value),
    [...numbers],
  );
  assert.ok(results.every(({ shared, thread }) => shared && thread > 0));
  assert.deepEqual(
    told.sort((a, b) => a - b),
    jobs,
  );
});

test("a job that throws ends the sweep with its error", async () => {
  await assert.rejects(runSweep(failing, jobs, { numbers }, { workers: 2 }), RangeError);
  await assert.rejects(runSweep(failing, jobs, { numbers }, { workers: 0 }), RangeError);
});

test("a kind of job that its module does not export ends the sweep", async () => {
  await assert.rejects(runSweep(lost, jobs, { numbers }, { workers: 1 }));
});

test("an aborted sweep stops its threads, busy or not", async () => {
  const controller = new AbortController();
  const sweep = runSweep(endless, [1, 2], { numbers }, { workers: 2, signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 100);
  await assert.rejects(sweep, /enough/);
});

test("no jobs, no threads", async () => {
  assert.deepEqual(await runSweep(failing, [], { numbers }), []);
});

test("sharing keeps values, shape and what is one array", () => {
  const ids = Uint32Array.of(1, 2, 3);
  const value = {
    name: "x",
    ids,
    again: ids,
    blocks: { start: Uint32Array.of(4) },
    models: ["a"],
    none: undefined,
  };
  const shared = shareArrays(value);
  assert.deepEqual(shared, value);
  assert.equal(shared.ids, shared.again);
  assert.ok(shared.ids.buffer instanceof SharedArrayBuffer);
  assert.equal(shareArrays(shared).ids, shared.ids);
  assert.throws(() => shareArrays({ view: new DataView(new ArrayBuffer(8)) }), TypeError);
});
