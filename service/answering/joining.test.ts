import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, callers, entryOf } from "../testing/callers.ts";

/** Callers of one answer, each of whom takes another age, and the calls that are made for them. */

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("callers who take answers of different ages wait for one call", async () => {
  const { ask, calls, now } = callers();
  const asking = [undefined, 0, 1000, 5000].map((maxAgeMs) =>
    ask(maxAgeMs === undefined ? {} : { maxAgeMs }),
  );
  await settled();
  calls[0]?.resolve({ answer: answerOf("new"), by: "engine" });
  assert.deepEqual(await Promise.all(asking), ["new, own", "new, process", "new, process", "new, process"]);
  assert.equal(calls.length, 1);
  assert.equal(now(), 100_000);
});

test("Redis is asked once for all who come at once, and for none who come while the call is under way", async () => {
  const { ask, calls, reads } = callers();
  const asking = [ask(), ask(), ask()];
  await settled();
  asking.push(ask(), ask());
  await settled();
  calls[0]?.resolve({ answer: answerOf("new"), by: "engine" });
  await Promise.all(asking);
  assert.equal(reads(), 1);
});

test("what another process made since they asked is new enough for all, however long they waited", async () => {
  const { ask, calls, now, wait } = callers();
  const asking = [ask(), ask({ maxAgeMs: 0 })];
  await settled();
  const entry = entryOf("another's", now());
  wait(9000);
  calls[0]?.resolve({ answer: entry.value, by: "another process", entry });
  assert.deepEqual(await Promise.all(asking), ["another's, cluster", "another's, cluster"]);
});

test("what it made before they asked is for those who take it; the others make one anew, together", async () => {
  const { ask, calls, now, wait } = callers();
  const entry = entryOf("another's", now());
  wait(3000);
  const asking = [
    ask(),
    ask({ maxAgeMs: 4000 }),
    ask({ maxAgeMs: 3000 }),
    ask({ maxAgeMs: 2000 }),
    ask({ maxAgeMs: 1000 }),
  ];
  await settled();
  calls[0]?.resolve({ answer: entry.value, by: "another process", entry });
  await settled();
  assert.equal(calls.length, 2);
  calls[1]?.resolve({ answer: answerOf("new"), by: "engine" });
  const old = "another's, cluster";
  assert.deepEqual(await Promise.all(asking), [old, old, old, "new, own", "new, process"]);
});

test("who joins a call begun by one who takes younger answers alone is given a stored one", async () => {
  const { ask, calls, wait } = callers(entryOf("stored", 100_000));
  wait(3000);
  const [young, old] = [ask({ maxAgeMs: 1000 }), ask()];
  assert.equal(await old, "stored, own");
  await settled();
  // The call is under way now.
  assert.equal(await ask(), "stored, own");
  calls[0]?.resolve({ answer: answerOf("new"), by: "engine" });
  assert.equal(await young, "new, own");
});

const stale = { revalidateMs: undefined, staleMs: 60_000, earlyBeta: undefined };

test("of many who are served a stale answer, one makes the new one", async () => {
  const refreshes: Promise<unknown>[] = [];
  const { ask, calls } = callers(entryOf("old", 0), {
    freshness: { ...stale, revalidateMs: 60_000 },
    refreshBehind: (_reason, refresh) => void refreshes.push(refresh(new AbortController().signal)),
  });
  const asking = [ask(), ask(), ask()];
  assert.deepEqual(await Promise.all(asking), Array(3).fill("old, while-revalidate"));
  assert.equal(await ask(), "old, while-revalidate");
  assert.deepEqual([calls.length, refreshes.length], [1, 1]);
});

test("when the deadline is near an old answer is given, but not to one who has a part of the new one", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { ask, calls } = callers(entryOf("old", 0), { freshness: stale });
  const taken: unknown[] = [];
  const onPiece = async (piece: unknown) => void taken.push(piece);
  const deadline = { remainingMs: () => 500 };
  const late = ask({ deadline, onPiece });
  await settled();
  t.mock.timers.tick(500);
  assert.equal(await late, "old, if-error");
  const begun = ask({ deadline, onPiece });
  await settled();
  calls[1]?.onPiece({ text: "ne", provenance: undefined });
  await settled();
  t.mock.timers.tick(500);
  calls[1]?.resolve({ answer: answerOf("new"), by: "engine" });
  assert.equal(await begun, "new, own");
  assert.equal(taken.length, 1);
});

test("who has been answered leaves no timer behind", async () => {
  const { ask, calls } = callers(entryOf("old", 0), { freshness: stale });
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  const before = timers();
  const answered = ask({ deadline: { remainingMs: () => 60_000 } });
  await settled();
  assert.equal(timers(), before + 1);
  calls[0]?.resolve({ answer: answerOf("new"), by: "engine" });
  await answered;
  assert.equal(timers(), before);
});
