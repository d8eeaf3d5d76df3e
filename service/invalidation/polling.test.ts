import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { fakeStore } from "../testing/fake-mark-store.ts";
import { createInvalidations, type InvalidationsDeps } from "./invalidations.ts";
import type { MarkStore } from "./mark-store.ts";

function feedOver(store: MarkStore | undefined, changes: Partial<InvalidationsDeps> = {}) {
  const learnt: string[] = [];
  const feed = createInvalidations({
    ...{ store, maxMarks: 100, maxMarksOfTenant: 100, maxBlindMs: undefined, now: () => 5, clock: () => 0 },
    ...{ onLearnt: (scope, source) => learnt.push(`${scope} ${source}`), onProblem: () => undefined },
    ...changes,
  });
  return { feed, learnt };
}

const of = (epoch: number, ...scopes: string[]) => ({ epoch, scopes });
const settled = async () => {
  for (let i = 0; i < 20; i++) await turn();
};

test("nothing is current when nothing was heard for longer than may be: counted from when it was asked", async () => {
  const fake = fakeStore();
  let clock = 0;
  const { feed } = feedOver(fake.store, { maxBlindMs: 1000, clock: () => clock });
  const { promise, resolve } = Promise.withResolvers<void>();
  fake.held = promise;
  const polled = feed.poll();
  clock = 400;
  resolve();
  assert(await polled);
  const current = () => [feed.isCurrent(of(9)), feed.isCurrentHere(of(9))];
  assert.equal(feed.ageMs(), 400);
  clock = 1000;
  assert.deepEqual(current(), [true, true]);
  clock = 1001;
  assert.deepEqual(current(), [false, false]);
  fake.down = true;
  assert.equal(await feed.poll(), false);
  assert.deepEqual(current(), [false, false]);
  fake.down = false;
  await feed.poll();
  assert.deepEqual([...current(), feed.ageMs()], [true, true, 0]);
});

test("what Redis has lost is not known until it is put back: until then it counts as not heard of", async () => {
  const fake = fakeStore();
  let clock = 0;
  const { feed } = feedOver(fake.store, { maxBlindMs: 1000, clock: () => clock });
  await feed.poll();
  await feed.invalidate(["tag:a:1"]);
  await feed.poll();
  // As a failover does, to a replica that did not have it; and then nothing can be written.
  fake.marks.clear();
  const { restore } = fake.store;
  Object.assign(fake.store, { restore: () => Promise.reject(new Error("READONLY")) });
  clock = 1001;
  assert.equal(await feed.poll(), false);
  assert.deepEqual([feed.isCurrent(of(9)), feed.ageMs()], [false, 1001]);
  Object.assign(fake.store, { restore });
  assert.equal(await feed.poll(), true);
  assert.deepEqual([feed.isCurrent(of(9)), feed.ageMs()], [true, 0]);
});

test("a poll costs one command: where nothing is new, where something is, and where something was said already", async () => {
  const fake = fakeStore();
  const { feed } = feedOver(fake.store);
  await feed.poll();
  const polls = async () => {
    fake.asked.length = 0;
    await feed.poll();
    return fake.asked.length;
  };
  assert.equal(await polls(), 1, "but the floor there is nothing");
  await feed.invalidate(["tag:a:1"]);
  await feed.invalidate(["tag:a:2"]);
  assert.equal(await polls(), 1, "this process's own");
  await fake.store.mark(["tag:a:3"], 0);
  await fake.store.mark(["tag:a:1"], 0);
  assert.equal(await polls(), 1, "others', one of them anew");
  assert.equal(await polls(), 1, "nothing new");
  await fake.store.mark(["tag:a:4"], 0);
  const news = await fake.store.mark(["tag:a:5"], 0);
  const { promise, resolve } = Promise.withResolvers<void>();
  fake.held = promise;
  fake.asked.length = 0;
  assert(news !== undefined);
  feed.hear(news);
  resolve();
  await settled();
  assert.deepEqual(fake.asked.length, 1, "after a gap");
});

test("news that come while a poll is under way are no sign of a loss", async () => {
  const fake = fakeStore();
  const { feed } = feedOver(fake.store);
  await feed.poll();
  await feed.invalidate(["tag:a:1"]);
  const { promise, resolve } = Promise.withResolvers<void>();
  fake.held = promise;
  fake.asked.length = 0;
  const polled = feed.poll();
  await turn();
  fake.held = Promise.resolve();
  const news = await fake.store.mark(["tag:a:1"], 0);
  assert(news !== undefined);
  feed.hear(news);
  resolve();
  await polled;
  assert.deepEqual(fake.asked, ["since 2", "mark tag:a:1 0"]);
});

test("polls are one at a time; who asks for one meanwhile gets one more, however many ask", async () => {
  const fake = fakeStore();
  const { feed } = feedOver(fake.store);
  const { promise, resolve } = Promise.withResolvers<void>();
  fake.held = promise;
  const polled = [feed.poll(), feed.poll(), feed.poll()];
  await turn();
  assert.equal(fake.asked.length, 1);
  fake.held = Promise.resolve();
  await fake.store.mark(["tag:a:1"], 0);
  fake.asked.length = 0;
  fake.most = 0;
  resolve();
  await Promise.all(polled);
  await settled();
  assert.deepEqual([fake.asked.length, fake.most], [1, 1]);
  assert(!feed.isCurrent(of(1, "tag:a:1")));
});

test("the store loses a mark below its highest, or its highest: it is put back, under a number above all known", async () => {
  for (const lost of ["tag:a:1", "tag:a:2"]) {
    const fake = fakeStore();
    const { feed } = feedOver(fake.store);
    await feed.poll();
    for (const tag of ["tag:a:1", "tag:a:2"]) await feed.invalidate([tag]);
    const known = feed.epoch();
    fake.marks.delete(lost);
    await feed.poll();
    assert((fake.marks.get(lost) ?? 0) > known, lost);
    const { feed: late } = feedOver(fake.store);
    await late.poll();
    assert(!late.isCurrent(of(known, lost)));
    // And it is over with that.
    fake.asked.length = 0;
    await feed.poll();
    assert.equal(fake.asked.length, 1);
  }
});

test("a highest mark that moved on here and was lost there is put back too", async () => {
  const fake = fakeStore();
  const { feed } = feedOver(fake.store);
  await feed.poll();
  await feed.invalidate(["tag:a:1"]);
  await feed.invalidate(["tag:a:2"]);
  // Heard, with others before it missing; then a failover loses it, and what was before.
  fake.down = true;
  feed.hear({ seq: 9, previous: 8, floor: 1, scopes: ["tag:a:2"] });
  await settled();
  fake.down = false;
  fake.marks.delete("tag:a:2");
  await feed.poll();
  assert((fake.marks.get("tag:a:2") ?? 0) > 9);
});

test("the store loses everything: the marks are put back, and what was not invalidated stays current", async () => {
  const fake = fakeStore();
  const { feed } = feedOver(fake.store);
  await feed.poll();
  await feed.invalidate(["tag:a:1"]);
  const epoch = feed.epoch();
  fake.marks.clear();
  fake.floor = 0;
  fake.asked.length = 0;
  await feed.invalidate(["tag:a:2"]);
  assert(!fake.asked.some((what) => what.startsWith("begin")));
  assert.deepEqual(
    [feed.isCurrent(of(epoch, "tag:a:3")), feed.isCurrent(of(epoch, "tag:a:2"))],
    [true, false],
  );
  assert.deepEqual([...fake.marks.keys()], ["tag:a:1", "tag:a:2"]);
});

test("numbers that were set back once cost one reconciliation", async () => {
  const fake = fakeStore();
  const { feed } = feedOver(fake.store);
  await feed.poll();
  await feed.invalidate(["tag:a:1"]);
  const seq = feed.epoch();
  fake.marks.delete("tag:a:1");
  fake.marks.set("tag:a:2", seq);
  feed.hear({ seq, previous: seq - 1, floor: 1, scopes: ["tag:a:2"] });
  await settled();
  assert(!feed.isCurrent(of(seq, "tag:a:2")));
  fake.asked.length = 0;
  await feed.poll();
  assert.deepEqual(fake.asked.length, 1);
});

test("a store that keeps losing everything: the invalidation is refused, not said to be in force", async () => {
  const fake = fakeStore();
  const { feed } = feedOver({ ...fake.store, mark: async () => undefined });
  await assert.rejects(feed.invalidate(["tag:a:1"]), /lost/);
});

test("where the store has nothing at all, numbers begin above all that was heard", async () => {
  const fake = fakeStore();
  fake.floor = 0;
  fake.down = true;
  const { feed } = feedOver(fake.store);
  feed.hear({ seq: 7, previous: 6, floor: 0, scopes: ["tag:a:1"] });
  await settled();
  fake.down = false;
  await feed.poll();
  assert(fake.asked.includes("begin 7"), fake.asked.join());
});

test("it is told how each invalidation became known, once", async () => {
  const fake = fakeStore();
  const { feed, learnt } = feedOver(fake.store);
  await feed.poll();
  const news = await fake.store.mark(["tag:a:1"], 0);
  assert(news !== undefined);
  feed.hear(news);
  await feed.invalidate(["tag:a:2"]);
  await fake.store.mark(["tag:a:3"], 0);
  await feed.poll();
  await feed.invalidate(["tag:a:4"]);
  assert.deepEqual(learnt, ["tag:a:1 message", "tag:a:2 request", "tag:a:3 poll", "tag:a:4 request"]);
});

test("without a store: never blind, invalidations follow each other in one millisecond, and marks are bounded", async () => {
  const { feed } = feedOver(undefined, { maxMarks: 2, maxBlindMs: 1, clock: () => 1_000_000 });
  const first = of(feed.epoch(), "tag:a:1", "tag:a:9");
  assert.deepEqual([feed.ageMs(), feed.isCurrent(first), await feed.poll()], [0, true, true]);
  const sequences: number[] = [];
  for (const tag of ["1", "2"]) sequences.push((await feed.invalidate([`tag:a:${tag}`])).sequence);
  assert((sequences[0] ?? 0) < (sequences[1] ?? 0));
  const second = of(feed.epoch(), "tag:a:1", "tag:a:9");
  assert.deepEqual([feed.isCurrent(first), feed.isCurrent(second)], [false, true]);
  await feed.invalidate(["tag:a:1"]);
  assert(!feed.isCurrent(second));
  for (const tag of ["3", "4"]) await feed.invalidate([`tag:a:${tag}`]);
  assert.equal(feed.markCount(), 2);
  assert(!feed.isCurrent(of(first.epoch, "tag:a:never")), "older than what was dropped");
});
