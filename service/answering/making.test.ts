import assert from "node:assert/strict";
import { test } from "node:test";
import type { CacheRule } from "../cache/cacheable.ts";
import type { Lookup } from "../cache/layered.ts";
import type { Entry } from "../cache/tier.ts";
import type { Answer } from "../inference/engine.ts";
import { createMaking } from "./making.ts";

const now = 1000;
const scopes = ["tenant:a", "tag:a:faq"];
const answerOf = (content: string): Answer => ({
  ...{ content, finishReason: "stop", usage: undefined, provenance: undefined },
});
const entryOf = (changes: Partial<Entry<Answer>>): Entry<Answer> => ({
  ...{ value: answerOf("another's"), storedAt: 950, freshForMs: 100, computeMs: 1, epoch: 0, scopes },
  ...changes,
});

/** What a caller is given who has the lease, where another process may have stored an entry by then. */
async function madeWith(
  stored: Partial<Entry<Answer>> | undefined,
  asked: { readonly had?: Entry<Answer>; readonly maxAgeMs?: number } & Partial<CacheRule> = {},
  waitedMs = 0,
): Promise<string> {
  const rule: CacheRule = {
    ...{ read: true, store: true, onlyIfCached: false, reason: "cacheable" },
    ...{ maxAgeMs: undefined, ...asked },
  };
  const known: Lookup<Answer> = {
    found: asked.had && { entry: asked.had, tier: "memory" },
    failures: new Map(),
  };
  let at = now - waitedMs;
  const make = createMaking({
    ...{ cache: undefined, epoch: () => 0, freshMs: 100, jitterShare: undefined },
    ...{ now: () => at, random: () => 0 },
    engine: { answer: async () => answerOf("own") },
    lease: {
      async look() {
        at = now;
        return stored && entryOf(stored);
      },
      once: async (_key, look, making, signal) => (await look(signal)) ?? (await making()).value,
    },
  });
  const task = {
    ...({ key: "k", tenant: "a", priority: "normal", deadline: undefined, inPieces: false } as const),
    ...{ request: { model: "m", messages: [] }, rule, scopes, known },
  };
  const { answer, by } = await make(task)(() => undefined, new AbortController().signal);
  assert.equal(by, answer.content === "own" ? "engine" : "another process");
  return answer.content;
}

test("what another process has stored is taken: where it is fresh, newer than what was had, and young enough", async () => {
  assert.equal(await madeWith({}), "another's");
  assert.equal(await madeWith(undefined), "own");
  assert.equal(await madeWith({ freshForMs: 51 }), "another's");
  assert.equal(await madeWith({ freshForMs: 50 }), "own");
  assert.equal(await madeWith({}, { had: entryOf({ storedAt: 949 }) }), "another's");
  assert.equal(await madeWith({}, { had: entryOf({ storedAt: 950 }) }), "own");
  assert.equal(await madeWith({}, { maxAgeMs: 50 }), "another's");
  assert.equal(await madeWith({}, { maxAgeMs: 49 }), "own");
  // However long ago that is: a call of one's own would have been made then.
  assert.equal(await madeWith({}, { maxAgeMs: 0 }, 50), "another's");
  assert.equal(await madeWith({}, { maxAgeMs: 0 }, 49), "own");
});

test("what another process has stored is not taken where it could not be invalidated as this caller's", async () => {
  assert.equal(await madeWith({ scopes: [...scopes, "tag:a:more"] }), "another's");
  assert.equal(await madeWith({ scopes: ["tenant:a"] }), "own");
});

test("who may not be served what is stored, or stores nothing, asks the engine: nobody waits for a lease of theirs", async () => {
  assert.equal(await madeWith({}, { read: false }), "own");
  assert.equal(await madeWith({}, { store: false }), "own");
});
