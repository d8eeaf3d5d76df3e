import assert from "node:assert/strict";
import { test } from "node:test";
import { type RetryDecision, type RetryDeps, retry } from "./retry.ts";
import { retryBudget } from "./retry-budget.ts";

const settings = { attempts: 3, baseMs: 100, maxMs: 150 };
const passing = new Error("passing");
const lasting = new Error("lasting");
const idle = () => new AbortController().signal;
const plenty = { deposit: () => undefined, take: () => true };

/** A retry whose waits take no time and are written down. */
function retryWith(deps: Partial<RetryDeps> = {}) {
  const waits: number[] = [];
  const decisions: RetryDecision[] = [];
  const policy = retry(settings, {
    budget: plenty,
    retryAfterMs: (thrown) => (thrown === passing ? 0 : undefined),
    turnedAway: () => false,
    remainingMs: () => 10_000,
    onDecision: (decision) => decisions.push(decision),
    random: () => 0.5,
    sleep: async (ms) => waits.push(ms),
    ...deps,
  });
  return { policy, waits, decisions };
}

/** Fails so often, then succeeds. */
function failing(times: number, thrown: unknown = passing) {
  let calls = 0;
  return {
    call: async () => {
      calls++;
      if (calls <= times) throw thrown;
      return "well";
    },
    calls: () => calls,
  };
}

test("what failed for a passing reason is called again, as often as it may", async () => {
  for (const [failures, calls] of [
    [0, 1],
    [1, 2],
    [2, 3],
  ] as const) {
    const work = failing(failures);
    const { policy, decisions } = retryWith();
    assert.equal(await policy(work.call)(idle()), "well");
    assert.equal(work.calls(), calls);
    assert.deepEqual(decisions, Array(failures).fill("retried"));
  }
  const work = failing(9);
  await assert.rejects(retryWith().policy(work.call)(idle()), passing);
  assert.equal(work.calls(), 3);
});

test("what was turned away before it was made, and who left, earn no retries; all else does once", async () => {
  let deposits = 0;
  const budget = { deposit: () => deposits++, take: () => true };
  const { policy } = retryWith({ budget, turnedAway: (thrown) => thrown === lasting });
  await assert.rejects(policy(failing(9, lasting).call)(idle()), lasting);
  assert.equal(deposits, 0);
  const caller = new AbortController();
  const leaving = policy(async () => {
    caller.abort(lasting);
    throw passing;
  })(caller.signal);
  await assert.rejects(leaving);
  assert.equal(deposits, 0);
  for (const times of [0, 2, 9]) await policy(failing(times).call)(idle()).catch(() => undefined);
  assert.equal(deposits, 3);
});

test("what failed otherwise is not called again", async () => {
  const work = failing(1, lasting);
  const { policy, decisions } = retryWith();
  await assert.rejects(policy(work.call)(idle()), lasting);
  assert.equal(work.calls(), 1);
  assert.deepEqual(decisions, []);
});

test("waits are any time up to a bound that doubles, and is bounded itself", async () => {
  for (const [share, expected] of [
    [0, [0, 0]],
    [0.5, [50, 75]],
    [0.999, [99.9, 149.85]],
  ] as const) {
    const { policy, waits } = retryWith({ random: () => share });
    await policy(failing(2).call)(idle());
    assert.deepEqual(
      waits.map((ms) => Number(ms.toFixed(3))),
      expected,
    );
  }
});

test("Retry-After is waited for, with jitter on top", async () => {
  const { policy, waits } = retryWith({ retryAfterMs: () => 2000 });
  await policy(failing(1).call)(idle());
  assert.deepEqual(waits, [2050]);
});

test("a wait that would outlast the deadline is none: the error is told now, and costs no budget", async () => {
  let taken = 0;
  const budget = { deposit: () => undefined, take: () => ++taken > 0 };
  const work = failing(1);
  const { policy, waits, decisions } = retryWith({
    budget,
    retryAfterMs: () => 2000,
    remainingMs: () => 2050,
  });
  await assert.rejects(policy(work.call)(idle()), passing);
  assert.deepEqual([work.calls(), waits, decisions, taken], [1, [], ["deadline-too-near"], 0]);
});

test("a caller who leaves while it waits is told at once, and nothing is called again", async () => {
  const caller = new AbortController();
  const left = new Error("left");
  const work = failing(1);
  const decisions: RetryDecision[] = [];
  // The wait of its own, an hour long.
  const policy = retry(
    { attempts: 3, baseMs: 3_600_000, maxMs: 3_600_000 },
    {
      budget: plenty,
      retryAfterMs: () => 0,
      turnedAway: () => false,
      remainingMs: () => Number.POSITIVE_INFINITY,
      onDecision: (decision) => decisions.push(decision),
      random: () => 0.99,
    },
  );
  const waiting = policy(work.call)(caller.signal);
  await new Promise((resolve) => setImmediate(resolve));
  caller.abort(left);
  await assert.rejects(waiting, left);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([work.calls(), decisions], [1, []]);
});

test("nothing is called for who has left before", async () => {
  const work = failing(0);
  const left = new Error("left");
  await assert.rejects(retryWith().policy(work.call)(AbortSignal.abort(left)), left);
  assert.equal(work.calls(), 0);
});

test("a call that fails because its caller left is not called again", async () => {
  const caller = new AbortController();
  let calls = 0;
  const call = async () => {
    calls++;
    caller.abort(new Error("left"));
    throw passing;
  };
  await assert.rejects(retryWith().policy(call)(caller.signal), passing);
  assert.equal(calls, 1);
});

for (const failingShare of [1, 0.5]) {
  test(`${100 * failingShare} % failing: over 1,000 calls at most 20 % more and the 10 of the burst are made`, async () => {
    const budget = retryBudget({ share: 0.2, burst: 10 });
    const { policy, decisions } = retryWith({ budget });
    let made = 0;
    let failed = 0;
    for (let i = 0; i < 1000; i++) {
      const call = policy(async () => {
        made++;
        if (i % 100 < 100 * failingShare) throw passing;
      });
      await call(idle()).catch(() => failed++);
    }
    const retried = decisions.filter((decision) => decision === "retried").length;
    assert.equal(made, 1000 + retried);
    assert(retried > 50 && retried <= 210, `${retried} retries`);
    // Nobody is kept waiting for a budget: whoever gets none is told the error.
    const exhausted = decisions.filter((decision) => decision === "budget-exhausted").length;
    assert.equal(failed, 1000 * failingShare);
    assert(exhausted > 0 && exhausted <= failed);
  });
}

test("a retry is earned by just as many calls as the share says, whatever its parts add up to", () => {
  for (const [share, calls] of [
    [0.5, 2],
    [0.2, 5],
    [0.1, 10],
    [0.05, 20],
    [0.01, 100],
  ] as const) {
    const budget = retryBudget({ share, burst: 1 });
    assert.deepEqual([budget.take(), budget.take()], [true, false]);
    for (let round = 0; round < 3; round++) {
      for (let i = 1; i < calls; i++) budget.deposit();
      assert.equal(budget.take(), false, `${share}`);
      budget.deposit();
      assert.equal(budget.take(), true, `${share}`);
    }
  }
});

test("a long quiet time saves up no more than the burst", async () => {
  const budget = retryBudget({ share: 0.2, burst: 10 });
  for (let i = 0; i < 10_000; i++) budget.deposit();
  let taken = 0;
  while (budget.take()) taken++;
  assert.equal(taken, 10);
  for (let i = 0; i < 5; i++) budget.deposit();
  assert.deepEqual([budget.take(), budget.take()], [true, false]);
});
