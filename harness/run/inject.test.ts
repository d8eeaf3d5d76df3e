import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { EventBody } from "../journal/event.ts";
import type { PlannedFault } from "../plan/plan.ts";
import type { Deployment } from "../substrates/substrate.ts";
import { fakeDeployment } from "../testing/fake-deployment.ts";
import { heal, openUndoRecords, type UndoRecords } from "../undo/records.ts";
import { inject } from "./inject.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "breakwater-inject-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const kill: PlannedFault = {
  id: "0-kill-node",
  kind: "kill-node",
  target: { hits: "member", of: "redis", role: "master", ranks: [1] },
  atMs: 0,
  forMs: 100,
  params: {},
};

function recorder() {
  const events: EventBody[] = [];
  const states = () => events.flatMap((event) => (event.type === "fault" ? [event.state] : []));
  return { events, states, record: (_: string, body: EventBody) => void events.push(body) };
}

function go(
  fault: PlannedFault,
  deployment: Deployment,
  records: UndoRecords,
  record: (source: string, body: EventBody) => void,
  signal = new AbortController().signal,
): Promise<void> {
  return inject(fault, deployment, records, record, () => performance.now(), signal);
}

/** A process that really ends and comes back. */
function mortal() {
  let alive = true;
  return fakeDeployment({
    perform: ({ op }) => {
      if (op === "kill") alive = false;
      if (op === "start") alive = true;
    },
    observe: () => ({ state: alive ? "running" : "gone", identity: "1@1" }),
    serves: () => alive,
    ask: () => ({ outcome: alive ? "answered" : "refused" }),
  });
}

test("a fault is requested, proven, healed and proven healed; its undo record is gone", async () => {
  const { states, events, record } = recorder();
  const deployment = mortal();
  await go(kill, deployment, openUndoRecords(folder), record);
  assert.deepEqual(states(), ["requested", "proven", "heal-requested", "healed-proven"]);
  assert.deepEqual(deployment.performed, [
    { op: "kill", member: "redis-1" },
    { op: "start", member: "redis-1" },
  ]);
  assert.ok(events.every((event) => event.type === "fault" && event.targets.join() === "redis-1"));
  assert.deepEqual(await readdir(folder), []);
});

test("the undo record is on the disk before anything is done", async () => {
  let there = false;
  const deployment = fakeDeployment({
    perform: ({ op }) => {
      if (op === "kill") there = existsSync(join(folder, "0-kill-node.json"));
    },
  });
  await go(kill, deployment, openUndoRecords(folder), () => {});
  assert.ok(there);
});

test("an undo record that cannot be written stops the fault before it acts", async () => {
  const deployment = mortal();
  const records = openUndoRecords(join(folder, "undo"));
  await rm(join(folder, "undo"), { recursive: true });
  await writeFile(join(folder, "undo"), "in the way");
  await assert.rejects(
    go(kill, deployment, records, () => {}),
    { code: "UNDO_UNWRITABLE" },
  );
  assert.deepEqual(deployment.performed, []);
});

test("a kill that hits no process is not proven", async () => {
  const { states, record } = recorder();
  const deployment = fakeDeployment({});
  await go(kill, deployment, openUndoRecords(folder), record);
  assert.deepEqual(states(), ["requested", "not-proven", "heal-requested", "healed-proven"]);
});

test("what happens in a moment is proven until its time is over, and its record without a way back is written first", async () => {
  const { states, record } = recorder();
  let timesEmptied = 0;
  let written = false;
  const deployment = fakeDeployment({
    contents: () => ({ entries: 5, timesEmptied }),
    perform: () => {
      written = existsSync(join(folder, "0-flush.json"));
      timesEmptied += 1;
    },
  });
  await go({ ...kill, id: "0-flush", kind: "flush" }, deployment, openUndoRecords(folder), record);
  assert.deepEqual(states(), ["requested", "proven", "heal-requested", "healed-proven"]);
  assert.deepEqual(deployment.performed, [{ op: "empty", member: "redis-1" }]);
  assert.ok(written);
  assert.deepEqual(await readdir(folder), []);
});

test("a fault that ends before its time is proven, and then not", async () => {
  const { states, record } = recorder();
  const deployment = mortal();
  setTimeout(() => void deployment.perform({ op: "start", member: "redis-1" }), 700);
  await go({ ...kill, forMs: 2_500 }, deployment, openUndoRecords(folder), record);
  assert.deepEqual(states(), ["requested", "proven", "not-proven", "heal-requested", "healed-proven"]);
});

test("what was so before the fault was requested is not proven by it, and nothing is done", async () => {
  const { states, record } = recorder();
  const deployment = fakeDeployment({
    observe: () => ({ state: "gone", identity: "" }),
    ask: () => ({ outcome: "refused" }),
  });
  await go(kill, deployment, openUndoRecords(folder), record);
  assert.deepEqual(states(), ["not-proven"]);
  assert.deepEqual(deployment.performed, []);
});

test("a fault that ends between the last look of the watch and its time is noticed", async () => {
  const { states, record } = recorder();
  const deployment = mortal();
  setTimeout(() => void deployment.perform({ op: "start", member: "redis-1" }), 350);
  await go({ ...kill, forMs: 480 }, deployment, openUndoRecords(folder), record);
  assert.deepEqual(states(), ["requested", "proven", "not-proven", "heal-requested", "healed-proven"]);
});

test("a target that is not there any more is not proven, and nothing is done", async () => {
  const { states, record } = recorder();
  const deployment = fakeDeployment({ role: () => "replica" });
  await go(kill, deployment, openUndoRecords(folder), record);
  assert.deepEqual(states(), ["not-proven"]);
  assert.deepEqual(deployment.performed, []);
});

test("an abort in the middle leaves the undo record, and it heals", async () => {
  const abort = new AbortController();
  const records = openUndoRecords(folder);
  const deployment = mortal();
  const running = go(
    { ...kill, forMs: 60_000 },
    deployment,
    records,
    (_, body) => {
      if (body.type === "fault" && body.state === "proven") abort.abort(new Error("enough"));
    },
    abort.signal,
  );
  await assert.rejects(running, { name: "AbortError" });
  const left = await records.all();
  assert.deepEqual(
    left.map(({ fault }) => fault),
    ["0-kill-node"],
  );
  for (const record of left) await heal(record, deployment, records);
  assert.deepEqual(deployment.performed.at(-1), { op: "start", member: "redis-1" });
  assert.deepEqual(await records.all(), []);
});

test("healing tries every operation, and keeps the record when one fails", async () => {
  const records = openUndoRecords(folder);
  const deployment = fakeDeployment({
    perform: (operation) => {
      if ("member" in operation && operation.member === "redis-0") throw new Error("no");
    },
  });
  const record = {
    fault: "f",
    kind: "kill-node",
    operations: ["redis-0", "redis-1"].map((member) => ({ op: "start" as const, member })),
  };
  await records.write(record);
  await assert.rejects(heal(record, deployment, records), /no/);
  assert.equal(deployment.performed.length, 2);
  assert.deepEqual(await records.all(), [record]);
});
