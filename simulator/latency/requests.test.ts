import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { replay } from "../strategies/replay.ts";
import { type SmallRow, smallLog } from "../strategies/small-log.fixture.ts";
import { strategySchema } from "../strategies/spec.ts";
import { distributionOf } from "./distribution.ts";
import { readProfile } from "./profile.ts";
import { type LatencyBasis, requestTimes } from "./requests.ts";

const profile = readProfile();
const hits = { localMs: 0.05, sharedMs: 1 };
const engines: LatencyBasis = {
  kind: "engines",
  options: {
    engines: 1,
    profile,
    maxSequences: 64,
    maxStepTokens: 2048,
    maxContextTokens: 400_000,
    stepOverheadMs: 0,
  },
};
const exact = strategySchema.parse({
  answers: { match: "exact", tiers: [{ policy: "lru", capacity: 100 }] },
});

test("the log's own times: a hit takes a lookup, and never longer than the log says", () => {
  const log = smallLog(
    [
      { key: 0, at: 0, latencyMs: 800 },
      { key: 0, at: 2000, latencyMs: 700 },
      { key: 0, at: 4000, latencyMs: 0.5 },
      { key: 0, at: 100, latencyMs: 900 },
    ].sort((a, b) => a.at - b.at),
  );
  const { latencyMs } = requestTimes(log, { kind: "log" }, hits, replay(log, exact));
  // The second comes 100 ms into the first, and waits for it.
  assert.deepEqual([...latencyMs], [800, 700, 1, 0.5]);
});

const rows = fc.array(fc.record({ key: fc.nat(15), gap: fc.nat(400) }), { minLength: 1, maxLength: 150 });

test("for any requests a hit is no slower than the same request as a miss, alone on an idle engine", () => {
  fc.assert(
    fc.property(rows, (requests) => {
      let at = 0;
      const log = smallLog(
        requests.map(({ key, gap }): SmallRow => {
          at += gap;
          return { key, at, prompt: 100 + key * 300, output: 1 + key * 20 };
        }),
      );
      const course = replay(log, exact);
      const { latencyMs } = requestTimes(log, engines, hits, course);
      for (let row = 0; row < log.rows; row++) {
        const by = course.servedBy[row] as number;
        if (by === row) continue;
        const key = log.key[row] as number;
        const alone = smallLog([{ key, prompt: 100 + key * 300, output: 1 + key * 20 }]);
        const miss = requestTimes(alone, engines, hits).latencyMs[0] as number;
        // Behind the row that makes the answer it waits at most as long as that row takes.
        assert.ok((latencyMs[row] as number) <= Math.max(miss, latencyMs[by] as number) + 0.01);
      }
    }),
    { numRuns: 50 },
  );
});

test("a cache relieves the queue: those that miss are faster too", () => {
  const log = smallLog(
    Array.from({ length: 300 }, (_, row) => ({
      key: row % 2 === 0 ? 0 : row,
      at: row * 60,
      prompt: 3000,
      output: 40,
    })),
  );
  const before = requestTimes(log, engines, hits);
  const course = replay(log, exact);
  const after = requestTimes(log, engines, hits, course);
  const missed = (times: Float32Array) =>
    distributionOf(times.filter((_, row) => course.outcome[row] === 0)).p95Ms;
  assert.ok(missed(after.latencyMs) < missed(before.latencyMs) / 2);
  assert.ok((after.drainMs ?? Number.NaN) < (before.drainMs ?? Number.NaN));
});

test("percentiles are by nearest rank, and times that are not known are left out", () => {
  const times = Float32Array.from({ length: 100 }, (_, i) => 100 - i);
  const { p50Ms, p95Ms, p99Ms, maxMs, count } = distributionOf(Float32Array.of(...times, Number.NaN));
  assert.deepEqual(
    { p50Ms, p95Ms, p99Ms, maxMs, count },
    { p50Ms: 50, p95Ms: 95, p99Ms: 99, maxMs: 100, count: 100 },
  );
  assert.ok(Number.isNaN(distributionOf(new Float32Array()).p50Ms));
});

test("a request that the log has no time for is left out before and after alike", () => {
  const log = smallLog([
    { key: 0, at: 0, latencyMs: 800 },
    { key: 0, at: 2000 },
  ]);
  const { latencyMs } = requestTimes(log, { kind: "log" }, hits, replay(log, exact));
  assert.deepEqual([...latencyMs], [800, Number.NaN]);
});

test("a percentile's rank is exact where the share is no binary fraction", () => {
  const { percentilesMs } = distributionOf(Float32Array.from({ length: 100 }, (_, ms) => ms + 1));
  assert.deepEqual(
    percentilesMs.slice(1),
    Array.from({ length: 100 }, (_, ms) => ms + 1),
  );
});

test("in a log without times nobody waits for an answer that is being made", () => {
  const log = smallLog([
    { key: 0, at: 0, latencyMs: 800 },
    { key: 0, at: 0, latencyMs: 800 },
  ]);
  const { latencyMs } = requestTimes(log, { kind: "log" }, hits, replay(log, exact));
  assert.deepEqual([...latencyMs], [800, 1]);
});
