import assert from "node:assert/strict";
import { test } from "node:test";
import { runEngines } from "./engines.ts";
import { decodeStepMs, prefillMs, readProfile, stepMs } from "./profile.ts";

const profile = readProfile();
const limits = { maxSequences: 256, maxStepTokens: 2048, maxContextTokens: 400_000, stepOverheadMs: 0 };

interface Request {
  readonly at: number;
  readonly prompt: number;
  readonly output: number;
  readonly reused?: number;
}

function run(requests: readonly Request[], options: Partial<typeof limits> & { engines?: number } = {}) {
  return runEngines(
    {
      timeMs: Float64Array.from(requests, ({ at }) => at),
      promptTokens: Uint32Array.from(requests, ({ prompt }) => prompt),
      outputTokens: Uint32Array.from(requests, ({ output }) => output),
      reusedTokens: Uint32Array.from(requests, ({ reused = 0 }) => reused),
    },
    { engines: 1, profile, ...limits, ...options },
  );
}

/** The same rules, one step and one sequence at a time. */
function stepByStep(
  requests: readonly Request[],
  { maxSequences, maxStepTokens, maxContextTokens }: typeof limits,
): number[] {
  const waiting = requests.map((request, row) => ({ ...request, row, read: request.reused ?? 0, made: 0 }));
  const running: typeof waiting = [];
  const done: number[] = new Array(requests.length).fill(Number.NaN);
  let clock = 0;
  while (waiting.length + running.length > 0) {
    const next = waiting[0];
    if (running.length === 0 && next !== undefined && next.at > clock) clock = next.at;
    while (waiting[0] !== undefined && waiting[0].at <= clock && running.length < maxSequences) {
      const held = running.reduce((sum, { prompt, output }) => sum + prompt + output, 0);
      if (running.length > 0 && held + waiting[0].prompt + waiting[0].output > maxContextTokens) break;
      running.push(...waiting.splice(0, 1));
    }
    const decoding = running.filter(({ read, prompt }) => read === prompt);
    const work = {
      promptTokens: 0,
      pairs: 0,
      longest: 0,
      hasCached: false,
      decoding: decoding.length,
      decodingContext: 0,
    };
    for (const sequence of decoding) work.decodingContext += sequence.prompt + sequence.made;
    let budget = maxStepTokens - decoding.length;
    const ended = [];
    for (const sequence of running) {
      if (sequence.read === sequence.prompt || budget <= 0) continue;
      const chunk = Math.min(budget, sequence.prompt - sequence.read);
      budget -= chunk;
      work.promptTokens += chunk;
      work.pairs += chunk * sequence.read + (chunk * (chunk + 1)) / 2;
      work.longest = Math.max(work.longest, sequence.read + chunk / 2);
      work.hasCached ||= sequence.read > 0;
      sequence.read += chunk;
      if (sequence.read === sequence.prompt) ended.push(sequence);
    }
    clock += stepMs(work, profile);
    for (const sequence of [...decoding, ...ended]) {
      sequence.made += 1;
      if (sequence.made < sequence.output) continue;
      done[sequence.row] = clock - sequence.at;
      running.splice(running.indexOf(sequence), 1);
    }
  }
  return done;
}

test("one request alone: its prefill and its decode steps", () => {
  const { latencyMs, firstTokenMs, busyMs } = run([{ at: 5, prompt: 512, output: 3 }]);
  const first = prefillMs(512, 0, profile);
  const expected = first + decodeStepMs(1, 513, profile) + decodeStepMs(1, 514, profile);
  assert.ok(Math.abs((firstTokenMs[0] as number) - first) < 1e-3);
  assert.ok(Math.abs((latencyMs[0] as number) - expected) < 1e-3);
  assert.ok(Math.abs(busyMs - expected) < 1e-6);
});

test("steps played in one go equal steps played one at a time", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (const tight of [
    limits,
    { ...limits, maxSequences: 4 },
    { ...limits, maxContextTokens: 6000, maxStepTokens: 300 },
  ]) {
    let at = 0;
    const requests = Array.from({ length: 200 }, () => {
      at += random(120);
      const prompt = 1 + random(3000);
      return { at, prompt, output: 1 + random(200), reused: random(3) === 0 ? random(prompt) : 0 };
    });
    const expected = stepByStep(requests, tight);
    const { latencyMs } = run(requests, tight);
    for (const [row, ms] of expected.entries()) {
      const actual = latencyMs[row] as number;
      assert.ok(Math.abs(actual - ms) <= 0.01 + ms * 1e-6, `row ${row}: ${actual} instead of ${ms}`);
    }
  }
});

test("a queue forms on one engine and is gone with four", () => {
  const burst = Array.from({ length: 200 }, (_, i) => ({ at: i, prompt: 4000, output: 50 }));
  const worst = (engines: number) => Math.max(...run(burst, { engines }).firstTokenMs);
  assert.ok(worst(1) > 3 * worst(4), `${worst(1)} and ${worst(4)}`);
});

test("rows that a cache answers take no GPU time, and relieve the others", () => {
  const rows = 100;
  const arrivals = {
    timeMs: Float64Array.from({ length: rows }, (_, i) => i * 10),
    promptTokens: new Uint32Array(rows).fill(2000),
    outputTokens: new Uint32Array(rows).fill(100),
  };
  const options = { engines: 1, profile, ...limits };
  const before = runEngines(arrivals, options);
  const skip = Uint8Array.from({ length: rows }, (_, i) => i % 2);
  const after = runEngines({ ...arrivals, skip }, options);
  assert.ok(after.busyMs < before.busyMs);
  for (let row = 0; row < rows; row++) {
    if (skip[row] === 1) assert.ok(Number.isNaN(after.latencyMs[row] as number));
    else assert.ok((after.latencyMs[row] as number) <= (before.latencyMs[row] as number) + 0.01);
  }
});
