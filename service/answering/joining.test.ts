import assert from "node:assert/strict";
import { test } from "node:test";
import type { CacheRule } from "../cache/cacheable.ts";
import type { Cache, Lookup } from "../cache/layered.ts";
import type { Entry } from "../cache/tier.ts";
import type { Answer } from "../inference/engine.ts";
import { createAnswering, newTrail } from "./answering.ts";
import { flights } from "./coalesce.ts";
import type { Made } from "./making.ts";

/** Callers of one answer, each of whom takes another age, and the calls that are made for them. */

const { signal } = new AbortController();
const answerOf = (content: string): Answer => ({
  ...{ content, finishReason: "stop", usage: undefined, provenance: undefined },
});
const entryOf = (content: string, storedAt: number): Entry<Answer> => ({
  ...{ value: answerOf(content), storedAt, freshForMs: 60_000, computeMs: 1, epoch: 0, scopes: [] },
});

function callers(found?: Entry<Answer>) {
  let now = 100_000;
  let reads = 0;
  const calls: PromiseWithResolvers<Made>[] = [];
  const lookup = (accepts: (entry: Entry<Answer>) => boolean = () => true): Lookup<Answer> => ({
    found: found && accepts(found) ? { entry: found, tier: "redis" } : undefined,
    failures: new Map(),
  });
  const cache: Cache<Answer> = {
    readNow: () => undefined,
    async read(_key, _signal, accepts) {
      reads++;
      return lookup(accepts);
    },
    write: async () => undefined,
    writesThrough: false,
  };
  const answering = createAnswering({
    ...{ cache, epoch: () => 0, scoped: false, coalesce: true, fallback: true, modelEpoch: "1" },
    making: () => () => {
      const call = Promise.withResolvers<Made>();
      calls.push(call);
      return call.promise;
    },
    answers: flights(),
    newDeadline: () => undefined,
    freshness: { revalidateMs: undefined, staleMs: 0, earlyBeta: undefined },
    refreshBehind: () => assert.fail("nothing to refresh"),
    ...{ beforeDeadlineMs: 0, now: () => now, random: () => 0 },
    ...{ onCacheResult: () => undefined, onCoalesced: () => undefined, onProblem: () => undefined },
  });
  const rule: CacheRule = {
    ...{ read: true, store: true, maxAgeMs: undefined, onlyIfCached: false, reason: "cacheable" },
  };
  return {
    calls,
    async ask(maxAgeMs?: number): Promise<string> {
      const trail = newTrail();
      const question = {
        request: { model: "m", messages: [] },
        tenant: "a",
        priority: "normal",
        tags: [],
      } as const;
      const asked = { ...question, rule: { ...rule, maxAgeMs }, deadline: undefined, onPiece: undefined };
      const { content } = await answering(asked, trail, signal);
      return `${content}, ${trail.coalesced ?? "own"}`;
    },
    wait(ms: number) {
      now += ms;
    },
    now: () => now,
    reads: () => reads,
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("callers who take answers of different ages wait for one call", async () => {
  const { ask, calls, now } = callers();
  const asking = [undefined, 0, 1000, 5000].map((maxAgeMs) => ask(maxAgeMs));
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
  const asking = [ask(), ask(0)];
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
  const asking = [ask(), ask(4000), ask(3000), ask(2000), ask(1000)];
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
  const [young, old] = [ask(1000), ask()];
  assert.equal(await old, "stored, own");
  await settled();
  // The call is under way now.
  assert.equal(await ask(), "stored, own");
  calls[0]?.resolve({ answer: answerOf("new"), by: "engine" });
  assert.equal(await young, "new, own");
});
