import assert from "node:assert/strict";
import { test } from "node:test";
import { type Batch, createBatch, type Sequence } from "./batching.ts";
import { readProfile, stepMs } from "./profile.ts";

const profile = readProfile();
const limits = { maxSequences: 64, maxStepTokens: 2048 };
const h100 = () => createBatch(limits, (work) => stepMs(work, profile));

/** Submits a sequence that writes its tokens into `made`, as `name` and count. */
function submit(
  batch: Batch,
  made: string[],
  name: string,
  promptTokens: number,
  outputTokens: number,
): Sequence {
  const sequence: Sequence = {
    promptTokens,
    outputTokens,
    onToken: (produced) => made.push(`${name}${produced}`),
  };
  batch.submit(sequence);
  return sequence;
}

/** One whole step; what it took in ms, and 0 where there was nothing to do. */
function step(batch: Batch): number {
  const tookMs = batch.beginStep() ?? 0;
  batch.endStep();
  return tookMs;
}

test("a prompt's step makes the first token, and each step after it one more", () => {
  const batch = h100();
  const made: string[] = [];
  submit(batch, made, "a", 100, 3);
  assert.equal(
    step(batch),
    stepMs({ prompts: [{ newTokens: 100, cachedTokens: 0 }], decoding: 0, decodingContext: 0 }, profile),
  );
  assert.equal(step(batch), stepMs({ prompts: [], decoding: 1, decodingContext: 101 }, profile));
  assert.equal(step(batch), stepMs({ prompts: [], decoding: 1, decodingContext: 102 }, profile));
  assert.deepEqual(made, ["a1", "a2", "a3"]);
  assert.equal(batch.running(), 0);
  assert.equal(batch.beginStep(), undefined);
});

test("a prompt over the step's tokens is read in parts, while the others go on decoding", () => {
  const seen: unknown[] = [];
  const batch = createBatch({ maxSequences: 64, maxStepTokens: 100 }, (work) => {
    seen.push(work);
    return 1;
  });
  const made: string[] = [];
  submit(batch, made, "a", 10, 3);
  step(batch);
  submit(batch, made, "b", 150, 1);
  step(batch);
  step(batch);
  assert.deepEqual(seen.slice(1), [
    { prompts: [{ newTokens: 99, cachedTokens: 0 }], decoding: 1, decodingContext: 11 },
    { prompts: [{ newTokens: 51, cachedTokens: 99 }], decoding: 1, decodingContext: 12 },
  ]);
  assert.deepEqual(made, ["a1", "a2", "a3", "b1"]);
});

test("who comes first is served first, and nobody passes a waiting one", () => {
  const batch = createBatch({ maxSequences: 2, maxStepTokens: 100 }, () => 1);
  const made: string[] = [];
  for (const name of ["a", "b", "c", "d"]) submit(batch, made, name, name === "c" ? 90 : 10, 2);
  for (let steps = 0; steps < 4; steps += 1) step(batch);
  assert.deepEqual(made, ["a1", "b1", "a2", "b2", "c1", "d1", "c2", "d2"]);
});

test("a sequence submitted during a step joins the next one", () => {
  const batch = createBatch(limits, () => 1);
  const made: string[] = [];
  submit(batch, made, "a", 10, 2);
  batch.beginStep();
  submit(batch, made, "b", 10, 2);
  batch.endStep();
  assert.deepEqual(made, ["a1"]);
  step(batch);
  assert.deepEqual(made, ["a1", "a2", "b1"]);
});

test("cancelling frees the place and stops the tokens, queued, during a step and between steps", () => {
  const batch = createBatch({ maxSequences: 1, maxStepTokens: 100 }, () => 1);
  const made: string[] = [];
  const first = submit(batch, made, "a", 10, 5);
  const second = submit(batch, made, "b", 10, 5);
  submit(batch, made, "c", 10, 1);
  step(batch);
  batch.cancel(second);
  batch.beginStep();
  batch.cancel(first);
  batch.endStep();
  assert.equal(batch.running(), 0);
  assert.equal(batch.queued(), 1);
  step(batch);
  assert.deepEqual(made, ["a1", "c1"]);
});

/** Tokens per second of `clients` that each send the next request as soon as the last is answered. */
function throughput(clients: number): number {
  const batch = h100();
  let tokens = 0;
  function ask(): void {
    batch.submit({
      promptTokens: 50,
      outputTokens: 16,
      onToken: (produced) => {
        tokens += 1;
        if (produced === 16) ask();
      },
    });
  }
  for (let client = 0; client < clients; client += 1) ask();
  let elapsedMs = 0;
  while (elapsedMs < 20_000) elapsedMs += step(batch);
  return tokens / (elapsedMs / 1000);
}

test("throughput grows with the clients until the batch is full, then stays", () => {
  const [one, sixteen, full, double, tenfold] = [1, 16, 64, 128, 640].map(throughput);
  assert.ok(one !== undefined && sixteen !== undefined && full !== undefined);
  assert.ok(double !== undefined && tenfold !== undefined);
  assert.ok(sixteen > 10 * one, `${sixteen} tokens/s with 16 clients, ${one} with one`);
  assert.ok(full > 2.5 * sixteen, `${full} tokens/s with 64 clients, ${sixteen} with 16`);
  assert.ok(Math.abs(double / full - 1) < 0.05, `${double} tokens/s with 128 clients, ${full} with 64`);
  assert.ok(Math.abs(tenfold / full - 1) < 0.05, `${tenfold} tokens/s with 640 clients, ${full} with 64`);
});

test("arrivals above what the batch can do queue up", () => {
  const batch = h100();
  const everyMs = 1; // 1000 requests/s: over what 64 places answer
  let elapsedMs = 0;
  let nextAt = 0;
  const lengths: number[] = [];
  for (const untilMs of [2000, 4000, 6000]) {
    while (elapsedMs < untilMs) {
      for (; nextAt <= elapsedMs; nextAt += everyMs) submit(batch, [], "x", 50, 16);
      elapsedMs += step(batch);
    }
    lengths.push(batch.queued());
  }
  const [early = 0, middle = 0, late = 0] = lengths;
  assert.ok(early > 100 && middle > 1.8 * early && late > 2.7 * early, `queue: ${lengths.join(", ")}`);
});
