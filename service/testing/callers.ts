import assert from "node:assert/strict";
import { type AnsweringDeps, createAnswering, newTrail, type Question } from "../answering/answering.ts";
import { flights } from "../answering/coalesce.ts";
import type { Made } from "../answering/making.ts";
import type { CacheRule } from "../cache/cacheable.ts";
import type { Cache, Lookup } from "../cache/layered.ts";
import type { Entry } from "../cache/tier.ts";
import type { Answer, Delta } from "../inference/engine.ts";

const { signal } = new AbortController();
export const answerOf = (content: string): Answer => ({
  ...{ content, finishReason: "stop", usage: undefined, provenance: undefined },
});
export const entryOf = (content: string, storedAt: number): Entry<Answer> => ({
  ...{ value: answerOf(content), storedAt, freshForMs: 60_000, computeMs: 1, epoch: 0, scopes: [] },
});

interface MadeCall {
  readonly resolve: (made: Made) => void;
  readonly reject: (thrown: unknown) => void;
  readonly onPiece: (piece: Delta) => void;
}

interface Asked {
  readonly maxAgeMs?: number;
  readonly onPiece?: Question["onPiece"];
  readonly deadline?: Question["deadline"];
}

/** Callers of one answer, over a cache that has this entry or nothing, and the calls that are made for them. */
export function callers(found?: Entry<Answer>, changes: Partial<AnsweringDeps> = {}) {
  let now = 100_000;
  let reads = 0;
  const calls: MadeCall[] = [];
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
    making: () => (onPiece) => {
      const { promise, resolve, reject } = Promise.withResolvers<Made>();
      calls.push({ resolve, reject, onPiece });
      return promise;
    },
    answers: flights(),
    newDeadline: () => undefined,
    freshness: { revalidateMs: undefined, staleMs: 0, earlyBeta: undefined },
    refreshBehind: () => assert.fail("nothing to refresh"),
    ...{ beforeDeadlineMs: 0, now: () => now, random: () => 0 },
    ...{ onCacheResult: () => undefined, onCoalesced: () => undefined, onProblem: () => undefined },
    ...changes,
  });
  const rule: CacheRule = {
    ...{ read: true, store: true, maxAgeMs: undefined, onlyIfCached: false, reason: "cacheable" },
  };
  return {
    calls,
    /** @returns the answer, and who made it or how old it is */
    async ask({ maxAgeMs, onPiece, deadline }: Asked = {}): Promise<string> {
      const trail = newTrail();
      const question = {
        request: { model: "m", messages: [] },
        tenant: "a",
        priority: "normal",
        tags: [],
      } as const;
      const asked = { ...question, rule: { ...rule, maxAgeMs }, deadline, onPiece };
      const { content } = await answering(asked, trail, signal);
      return `${content}, ${trail.stale ?? trail.coalesced ?? "own"}`;
    },
    wait(ms: number) {
      now += ms;
    },
    now: () => now,
    reads: () => reads,
  };
}
