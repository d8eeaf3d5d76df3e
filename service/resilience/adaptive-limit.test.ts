import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock, virtualServer } from "../testing/virtual-server.ts";
import { type AdaptiveLimit, adaptiveLimit, learning } from "./adaptive-limit.ts";
import { bulkhead } from "./bulkhead.ts";
import { type Call, type Policy, untilAborted, wrap } from "./policy.ts";

const targetMs = 300;
const settings = { initial: 50, minimum: 2, maximum: 100, targetMs, minimumCalls: 10 };
/** Callers wait no longer. */
const deadlineMs = 1000;
const late = new Error("late");
/** What the server can do: 100/s with 10 workers. */
const workers = 10;
const workMs = 100;

interface Load {
  readonly limited: boolean;
  /** Whether the server drops the work of a caller who left. If not, it does it for nobody. */
  readonly heedsSignal?: boolean;
}

/** A server under a load of so many calls a second, at even distances, with or without a limit in front. */
function storm({ limited, heedsSignal = false }: Load) {
  const clock = virtualClock();
  const server = virtualServer(clock, workers, workMs);
  const limit: AdaptiveLimit = adaptiveLimit(settings);
  const places = bulkhead({
    get limit() {
      return limited ? limit.current() : Number.POSITIVE_INFINITY;
    },
    get queue() {
      return Math.floor(limit.current() / 2);
    },
  });
  const learn = learning({
    limit,
    targetMs,
    inFlight: places.inFlight,
    verdictOf: (thrown) => (thrown === late ? "overload" : "nothing"),
    now: clock.now,
  });
  const policy: Policy = limited ? wrap(places.policy, learn) : (call) => call;
  let counts = { good: 0, late: 0, shed: 0 };

  /** Around each call; a cache, for one. */
  let around = (call: Call<void>) => call;

  function call(): void {
    const caller = new AbortController();
    clock.at(clock.now() + deadlineMs, () => caller.abort(late));
    const work = (signal: AbortSignal) =>
      heedsSignal ? server.call(signal) : server.call(new AbortController().signal);
    around(policy((signal) => untilAborted(work, signal)))(caller.signal).then(
      () => counts.good++,
      (thrown: unknown) => (thrown === late ? counts.late++ : counts.shed++),
    );
  }

  return {
    server,
    limit,
    putAround(outer: typeof around): void {
      around = outer;
    },
    /** @returns how its calls ended, a second */
    async phase(perSecond: number, seconds: number) {
      const began = clock.now();
      counts = { good: 0, late: 0, shed: 0 };
      for (let i = 0; i < perSecond * seconds; i++) clock.at(began + (i * 1000) / perSecond, call);
      await clock.runUntil(began + seconds * 1000);
      return { good: counts.good / seconds, late: counts.late / seconds, shed: counts.shed / seconds };
    },
  };
}

test("at three times what the server can do, without a limit nearly every answer comes too late", async () => {
  const { phase } = storm({ limited: false });
  await phase(300, 5);
  const overloaded = await phase(300, 10);
  assert(overloaded.good < 10, JSON.stringify(overloaded));
  // Nor does it recover when the load is what it was made for: the queue is full of what nobody waits for.
  const after = await phase(80, 10);
  assert(after.good < 10, JSON.stringify(after));
});

test("with it, the answers in time stay near what the server can do, the rest is shed, and none is late", async () => {
  const { phase } = storm({ limited: true });
  await phase(300, 5);
  const overloaded = await phase(300, 20);
  assert(overloaded.good > 90, JSON.stringify(overloaded));
  assert(overloaded.late < 1, JSON.stringify(overloaded));
  assert(overloaded.shed > 190, JSON.stringify(overloaded));
  const after = await phase(80, 10);
  assert(after.good >= 80 && after.late === 0 && after.shed === 0, JSON.stringify(after));
});

for (const heedsSignal of [true, false]) {
  const name = heedsSignal ? "stops when its caller leaves" : "goes on for callers who left";
  test(`the limit follows a server that becomes five times slower, and well again; it ${name}`, async () => {
    const { phase, server, limit } = storm({ limited: true, heedsSignal });
    await phase(300, 10);
    const whole = limit.current();
    server.workers = 2;
    await phase(300, 8);
    const slow = await phase(300, 10);
    assert(limit.current() < whole / 2, `${whole} -> ${limit.current()}`);
    assert(slow.good > 18 && slow.late < 1, JSON.stringify(slow));
    server.workers = workers;
    await phase(300, 5);
    const well = await phase(300, 10);
    assert(well.good > 90 && well.late < 1, JSON.stringify(well));
  });
}

test("a load that it can carry is not shed, and does not make the limit grow without being used", async () => {
  const { phase, limit } = storm({ limited: true });
  const quiet = await phase(80, 20);
  assert.deepEqual([quiet.good > 79, quiet.shed, quiet.late], [true, 0, 0]);
  assert.equal(limit.current(), settings.initial);
});

/** A cache for so many keys, each asked for as often as any other. */
function cacheOf(keys: number) {
  const stored = new Set<number>();
  let asked = 0;
  let hits = 0;
  return {
    around: (call: Call<void>) => async (signal: AbortSignal) => {
      asked++;
      const key = (asked * 7919) % keys;
      if (stored.has(key)) {
        hits++;
        return;
      }
      await call(signal);
      stored.add(key);
    },
    stored,
    /** Since it was last asked. */
    hitShare() {
      const share = hits / asked;
      hits = 0;
      asked = 0;
      return share;
    },
  };
}

for (const limited of [true, false]) {
  const ends = limited
    ? "fills again under the same load"
    : "stays empty: every answer is too late to be stored";
  test(`${limited ? "with" : "without"} the limit, a cache that is emptied under three times what the server can do ${ends}`, async () => {
    const { phase, putAround } = storm({ limited });
    const cache = cacheOf(3000);
    putAround(cache.around);
    for (let key = 0; key < 3000; key++) cache.stored.add(key);
    assert.equal((await phase(300, 5)).good, 300);
    cache.stored.clear();
    const cold = await phase(300, 60);
    cache.hitShare();
    const after = await phase(300, 5);
    const share = cache.hitShare();
    const told = JSON.stringify({ cold, after, share });
    if (limited) assert(cold.late < 1 && after.good > 295 && share > 0.95, told);
    else assert(after.good < 100 && share < 0.3, told);
  });
}

test("only the dependency's own time teaches: a caller who left, a refusal and a failure at once say nothing", async () => {
  let nowMs = 0;
  const refused = new Error("refused");
  const overloaded = new Error("overloaded");
  const left = new Error("overloaded, and left");
  const samples: number[] = [];
  const inFlight: number[] = [];
  let working = 0;
  const policy = learning({
    limit: {
      current: () => 1,
      observe(sample) {
        samples.push(sample.delayMs);
        inFlight.push(sample.inFlight);
      },
    },
    targetMs,
    inFlight: () => working,
    verdictOf: (thrown) => (thrown === overloaded ? "overload" : "nothing"),
    now: () => nowMs,
  });
  const end = (ms: number, thrown?: Error, caller = new AbortController()) => {
    working = 7;
    return policy(async () => {
      nowMs += ms;
      working = 1;
      if (thrown === left) caller.abort(new Error("left"));
      if (thrown !== undefined) throw thrown === left ? overloaded : thrown;
    })(caller.signal).catch(() => undefined);
  };
  await end(40);
  await end(5, refused);
  // It came at once, and still says that there is too much.
  await end(5, overloaded);
  await end(5000, overloaded);
  // Its caller left just then, which is not why it failed.
  await end(5, left);
  assert.deepEqual(samples, [40, 2 * targetMs, 5000, 2 * targetMs]);
  // As many as there were when it began.
  assert.deepEqual(inFlight, [7, 7, 7, 7]);
});

test("whoever gives up says nothing while the call may still be in time, and then that it is not", async () => {
  let nowMs = 0;
  const samples: number[] = [];
  const policy = learning({
    limit: { current: () => 1, observe: ({ delayMs }) => samples.push(delayMs) },
    targetMs,
    inFlight: () => 1,
    verdictOf: () => "overload",
    now: () => nowMs,
  });
  const leaveAfter = async (ms: number) => {
    const caller = new AbortController();
    const left = new Error("left");
    const call = policy(async () => {
      nowMs += ms;
      caller.abort(left);
      throw left;
    })(caller.signal);
    await assert.rejects(call, left);
  };
  for (const ms of [5, targetMs - 1]) await leaveAfter(ms);
  assert.deepEqual(samples, []);
  for (const ms of [targetMs, 5000]) await leaveAfter(ms);
  assert.deepEqual(samples, [2 * targetMs, 5000]);
});

test("calls that began under an earlier limit do not make it fall again", () => {
  const limit = adaptiveLimit({ ...settings, initial: 40 });
  const slow = { delayMs: 2 * targetMs, inFlight: 40 };
  for (let i = 0; i < 40; i++) limit.observe({ ...slow, beganAt: i, endedAt: 600 + i });
  assert.equal(limit.current(), 20);
  for (let i = 0; i < 200; i++) limit.observe({ ...slow, beganAt: 100 + i, endedAt: 700 + i });
  assert.equal(limit.current(), 20);
  for (let i = 0; i < 20; i++) limit.observe({ ...slow, beganAt: 700, endedAt: 1300 });
  assert.equal(limit.current(), 10);
});

test("no decision rests on fewer calls than that, however low the limit", () => {
  const limit = adaptiveLimit({ ...settings, initial: 4, minimumCalls: 10 });
  const slow = { beganAt: 0, endedAt: 600, delayMs: 2 * targetMs, inFlight: 4 };
  for (let i = 0; i < 9; i++) limit.observe(slow);
  assert.equal(limit.current(), 4);
  limit.observe(slow);
  assert.equal(limit.current(), 2);
});

test("it grows where at least half of it was in use at some time since the decision before", () => {
  const limit = adaptiveLimit({ ...settings, initial: 16, minimumCalls: 16 });
  let nowMs = 0;
  const round = (busiest: number) => {
    nowMs += 1000;
    // Rounds of more calls than the limit asks for: those that are too many begin before the decision.
    for (let i = 0; i < 30; i++) {
      limit.observe({ beganAt: nowMs, endedAt: nowMs + 1, delayMs: 1, inFlight: i === 3 ? busiest : 1 });
    }
    return limit.current();
  };
  assert.deepEqual([round(7), round(8), round(20), round(1), round(12)], [16, 20, 24, 24, 24]);
});

test("however late its calls are, one decision takes half of it at most, and where they are a little late, little", () => {
  for (const [delayMs, current] of [
    [1000 * targetMs, 20],
    [2 * targetMs, 20],
    [1.25 * targetMs, 32],
    [targetMs, 46],
  ] as const) {
    const limit = adaptiveLimit({ ...settings, initial: 40 });
    for (let i = 0; i < 40; i++) limit.observe({ beganAt: i, endedAt: 600 + i, delayMs, inFlight: 40 });
    assert.equal(limit.current(), current, `${delayMs} ms`);
  }
});

test("it stays within its bounds", () => {
  const limit = adaptiveLimit(settings);
  let atMs = 0;
  const observe = (delayMs: number) => {
    for (let i = 0; i < 5000; i++) limit.observe({ beganAt: atMs, endedAt: ++atMs, delayMs, inFlight: 1000 });
  };
  observe(1_000_000);
  assert.equal(limit.current(), settings.minimum);
  observe(1);
  assert.equal(limit.current(), settings.maximum);
});
