import assert from "node:assert/strict";
import { test } from "node:test";
import type { NamedTier } from "./layered.ts";
import type { Entry } from "./tier.ts";
import { type WriteBehindSettings, type WriteLoss, writeBehind } from "./write-behind.ts";

const signal = new AbortController().signal;
const entryOf = (value: string): Entry<string> => ({
  ...{ value, storedAt: 0, freshForMs: 1, computeMs: 0, epoch: 0, scopes: [] },
});
const turn = () => new Promise(setImmediate);

/** A tier whose writes the test ends, one by one. */
function slowTier() {
  const begun: { key: string; value: string; end: () => void; fail: () => void }[] = [];
  const stored = new Map<string, Entry<string>>();
  const tier: NamedTier<string> = {
    name: "redis",
    read: async (key) => stored.get(key),
    write(key, entry, writeSignal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      writeSignal.addEventListener("abort", () => reject(writeSignal.reason));
      const end = () => {
        stored.set(key, entry);
        resolve();
      };
      begun.push({ key, value: entry.value, end, fail: () => reject(new Error("shard is ill")) });
      return promise;
    },
  };
  return { tier, begun, stored };
}

function behind(settings: Partial<WriteBehindSettings> = {}) {
  const slow = slowTier();
  const lost: WriteLoss[] = [];
  const queue = writeBehind(slow.tier, {
    ...{ maxEntries: 100, maxBytes: 1000, concurrency: 1 },
    ...settings,
    bytesOf: (key, { value }) => key.length + value.length,
    onLost: (why) => lost.push(why),
  });
  const outcomes: string[] = [];
  const write = (key: string, value: string) =>
    void queue.write(key, entryOf(value), signal).then(
      () => outcomes.push(`${key} ${value} written`),
      () => outcomes.push(`${key} ${value} lost`),
    );
  return { ...slow, queue, lost, outcomes, write };
}

test("no more writes are under way at once than may be, and the order is that of arrival", async () => {
  const { write, begun, queue } = behind({ concurrency: 2 });
  for (const key of ["a", "b", "c", "d"]) write(key, "1");
  assert.deepEqual([begun.map(({ key }) => key), queue.waiting().entries], [["a", "b"], 2]);
  begun[0]?.end();
  await turn();
  assert.deepEqual(
    begun.map(({ key }) => key),
    ["a", "b", "c"],
  );
});

test("of what waits for one key the latest is written, once; both are over with it", async () => {
  const { write, begun, lost, outcomes, queue } = behind();
  write("other", "0");
  write("k", "old");
  write("k", "newer");
  assert.deepEqual(queue.waiting(), { entries: 1, bytes: 6 });
  begun[0]?.end();
  await turn();
  begun[1]?.end();
  await turn();
  assert.deepEqual(
    begun.map(({ value }) => value),
    ["0", "newer"],
  );
  assert.deepEqual(outcomes, ["other 0 written", "k old written", "k newer written"]);
  assert.deepEqual(lost, []);
});

test("two writes of one key are never under way at once: the later one would not be sure to win", async () => {
  const { write, begun, stored } = behind({ concurrency: 5 });
  write("k", "old");
  write("k", "new");
  write("other", "1");
  assert.deepEqual(
    begun.map(({ value }) => value),
    ["old", "1"],
  );
  begun[0]?.end();
  await turn();
  begun[2]?.end();
  assert.equal(stored.get("k")?.value, "new");
});

test("what is not written yet is found already, the latest first", async () => {
  const { write, begun, queue } = behind();
  write("k", "under way");
  assert.equal((await queue.read("k", signal))?.value, "under way");
  write("k", "waiting");
  assert.equal((await queue.read("k", signal))?.value, "waiting");
  assert.equal(await queue.read("other", signal), undefined);
  begun[0]?.end();
  await turn();
  begun[1]?.end();
  await turn();
  assert.equal((await queue.read("k", signal))?.value, "waiting");
});

test("more than it may hold, in entries or in bytes, is lost and counted; nothing waits for room", async () => {
  for (const bound of [{ maxEntries: 2 }, { maxBytes: 11 }]) {
    const { write, lost, outcomes, queue } = behind(bound);
    for (const key of ["x", "a", "b", "c", "d"]) write(key, "1234");
    await turn();
    assert.deepEqual(lost, ["queue-full", "queue-full"]);
    assert.deepEqual(outcomes, ["c 1234 lost", "d 1234 lost"]);
    assert.deepEqual(queue.waiting(), { entries: 2, bytes: 10 });
  }
});

test("a newer entry that does not fit is lost alone: the older one for its key is written", async () => {
  const { write, begun, lost, outcomes, queue } = behind({ maxBytes: 10 });
  write("x", "under way");
  write("k", "old");
  write("k", "far too long for it");
  assert.deepEqual([lost, queue.waiting()], [["queue-full"], { entries: 1, bytes: 4 }]);
  begun[0]?.end();
  await turn();
  begun[1]?.end();
  await turn();
  assert.deepEqual(outcomes, ["k far too long for it lost", "x under way written", "k old written"]);
  assert.deepEqual(lost, ["queue-full"]);
});

test("a newer entry has the room of the older one for its key", async () => {
  for (const bound of [{ maxEntries: 1 }, { maxBytes: 6 }]) {
    const { write, lost, queue, begun } = behind(bound);
    write("x", "1");
    write("k", "older");
    write("k", "newer");
    assert.deepEqual([lost, queue.waiting()], [[], { entries: 1, bytes: 6 }]);
    begun[0]?.end();
    await turn();
    assert.equal(begun[1]?.value, "newer");
  }
});

test("once it is stopping, a newer entry is lost, and the older one for its key still written", async () => {
  const { write, begun, lost, outcomes, queue } = behind();
  write("x", "1");
  write("k", "old");
  const stopping = queue.stop(60_000);
  write("k", "new");
  begun[0]?.end();
  await turn();
  begun[1]?.end();
  await stopping;
  assert.deepEqual([lost, outcomes], [["shutdown"], ["k new lost", "x 1 written", "k old written"]]);
});

test("a failed write is lost and counted, and the next one begins", async () => {
  const { write, begun, lost, outcomes } = behind();
  write("a", "1");
  write("b", "1");
  begun[0]?.fail();
  await turn();
  begun[1]?.end();
  await turn();
  assert.deepEqual([lost, outcomes], [["failed"], ["a 1 lost", "b 1 written"]]);
});

test("stopping waits for what is left to be written, and takes no more", async () => {
  const { write, begun, lost, queue, outcomes } = behind();
  write("a", "1");
  write("b", "1");
  const stopping = queue.stop(60_000);
  write("late", "1");
  begun[0]?.end();
  await turn();
  begun[1]?.end();
  await stopping;
  assert.deepEqual([lost, outcomes], [["shutdown"], ["late 1 lost", "a 1 written", "b 1 written"]]);
});

test("stopping ends when its time is over: what was under way or waiting is lost, and counted", async () => {
  const { write, lost, queue } = behind();
  write("a", "1");
  write("b", "1");
  await queue.stop(10);
  await turn();
  assert.deepEqual([lost, queue.waiting().entries], [["shutdown", "shutdown"], 0]);
});

test("stopping with nothing to write ends at once, and leaves no timer to wait for", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const stopping = behind().queue.stop(60_000);
  await turn();
  assert.equal(timers(), before);
  await stopping;
});
